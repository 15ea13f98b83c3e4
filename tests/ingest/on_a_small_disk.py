"""Run inside `unshare -Urm` with a folder and an embedding server's address: a real file system of a few megabytes is
mounted on the folder, filled by an ingest, looked at, enlarged, and the ingest run again. Prints what it saw."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from app.library.check import inspect
from app.library.contents import read_contents
from app.library.reader import open_reader


def main() -> None:
    disk, url = Path(sys.argv[1]), sys.argv[2]
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)], check=True)
    docs = disk.parent / "docs"
    docs.mkdir()
    home = disk / "home"
    environment = {**os.environ, "SLUICE_HOME": str(home), "EMBEDDING": "openai:hashed", "EMBEDDING_BASE_URL": url}

    def ingest() -> dict[str, object]:
        done = subprocess.run(
            [sys.executable, "-m", "ingest", str(docs), "--library", "lib", "--json", "--publish-every", "0.1"],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return {"code": done.returncode, "out": done.stdout[-500:], "err": done.stderr[-2000:]}

    def seen() -> dict[str, object]:
        libraries = home / "libraries"
        contents = read_contents(libraries, "lib")
        reader = open_reader(libraries, "lib", embedder_id=contents.info.embedder_id)
        try:
            found = len(reader.lexical("first", 99, ()).bm25)
        finally:
            reader.close()
        return {
            "differences": list(map(str, inspect(libraries, "lib").differences)),
            "documents": [Path(document.uri).name for document in contents.documents],
            "found": found,
        }

    (docs / "first.md").write_text("The first words.", encoding="utf-8")
    said: dict[str, object] = {"first": ingest(), "after_first": seen()}
    for number in range(24):
        words = " ".join(f"word{number}x{n}" for n in range(2000))
        (docs / f"more{number:02}.txt").write_text(words, encoding="utf-8")
    said["full"] = ingest()
    with suppress(OSError), (disk / "ballast").open("wb", buffering=0) as ballast:  # the last free byte
        while True:
            ballast.write(b"0" * 512)
    said["free"] = os.statvfs(disk).f_bavail
    said["after_full"] = seen()
    said["still_full"] = ingest()
    said["after_still_full"] = seen()
    (disk / "ballast").unlink()
    subprocess.run(["mount", "-o", "remount,size=200m", str(disk)], check=True)
    said["again"] = ingest()
    said["after_again"] = seen()
    print(json.dumps(said))


if __name__ == "__main__":
    main()
