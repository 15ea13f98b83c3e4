"""A parser that hangs or crashes, by the name of the file."""

from __future__ import annotations

import os
import time

from ingest.load.parsed import Parsed


def load(name: str, data: bytes) -> Parsed:
    if name == "crash":
        os._exit(11)
    while True:
        time.sleep(1)
