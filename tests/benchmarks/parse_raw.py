"""Parse every file below a folder as ingest does, without embedding: what is read, what fails and why, how long it
takes. `python -m tests.benchmarks.parse_raw [FOLDER] [--only pdf,docx] [--texts OUT]`
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter, defaultdict
from pathlib import Path

from app.errors import DocumentError
from ingest.limits import Limits
from ingest.load import format_of, no_reader
from ingest.load.parsed import Parsed
from ingest.load.worker import ParserProcess
from ingest.read import Unreadable, read_whole
from ingest.walk import find, shown

RAW = Path(__file__).parents[3] / "shared" / "data" / "raw"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", nargs="?", type=Path, default=RAW)
    arguments.add_argument("--only", default="", help="formats, with commas between")
    arguments.add_argument("--texts", type=Path, help="write what was read of each file below this folder")
    given = arguments.parse_args()
    only = frozenset(filter(None, given.only.split(",")))
    limits = Limits()
    found = find([str(given.folder)], limits=limits)
    files: Counter[str] = Counter()
    read: Counter[str] = Counter()
    seconds: defaultdict[str, float] = defaultdict(float)
    characters: Counter[str] = Counter()
    slowest: list[tuple[float, str]] = []
    reasons: dict[str, str] = {shown(p.path): f"{p.state.value}: {p.reason}" for p in found.problems}
    with ParserProcess(limits.seconds, limits.memory) as parser:
        for path in found.files:
            kind = format_of(path)
            if kind is None:
                reasons[shown(path)] = f"skipped: {no_reader(path)}"
                continue
            if only and kind.name not in only:
                continue
            files[kind.name] += 1
            began = time.monotonic()
            try:
                parsed = parser.load(kind, path.name, read_whole(path, limits))
            except (DocumentError, Unreadable) as error:
                reasons[shown(path)] = str(error)
            else:
                read[kind.name] += 1
                characters[kind.name] += sum(len(block.text) for block in parsed.blocks)
                if given.texts is not None:
                    _write(given.texts / f"{path.name}.txt", parsed)
            took = time.monotonic() - began
            seconds[kind.name] += took
            slowest.append((took, path.name))
    print(f"{'format':14}{'files':>7}{'read':>7}{'failed':>8}{'seconds':>10}{'M characters':>14}")
    for name in sorted(files):
        failed = files[name] - read[name]
        print(f"{name:14}{files[name]:7}{read[name]:7}{failed:8}{seconds[name]:10.1f}{characters[name] / 1e6:14.2f}")
    total = sum(seconds.values())
    print(f"{'all':14}{sum(files.values()):7}{sum(read.values()):7}{files.total() - read.total():8}{total:10.1f}")
    for path_shown, reason in sorted(reasons.items()):
        print(f"{Path(path_shown).name}: {reason}")
    print("slowest:", ", ".join(f"{name} {took:.1f} s" for took, name in sorted(slowest, reverse=True)[:6]))


def _write(path: Path, parsed: Parsed) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    parts = [f"TITLE {parsed.title}", f"METADATA {json.dumps(dict(parsed.metadata), ensure_ascii=False)}"]
    parts.extend(f"NOTE {warning}" for warning in parsed.warnings)
    for block in parsed.blocks:
        place = " > ".join(block.section) + (f" (page {block.page})" if block.page is not None else "")
        own = f" title={block.title!r} {dict(block.metadata)}" if block.kind == "row" else ""
        parts.append(f"\n--- {block.kind} {place}{own}\n{block.text}")
    path.write_text("\n".join(parts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
