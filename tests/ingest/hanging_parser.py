"""A parser that hangs, works for ever, crashes or takes all memory, by the name of the file."""

from __future__ import annotations

import ctypes
import os
import time

from ingest.load.parsed import Parsed


def load(name: str, data: bytes) -> Parsed:
    if name == "crash":
        os._exit(11)
    if name == "segfault":
        ctypes.string_at(0)
    if name == "greedy":
        held = []
        while True:
            held.append(bytearray(64 << 20))
    while True:
        if name == "busy":
            sum(range(10_000))
        else:
            time.sleep(1)
