"""`sluice library rebuild | delete | import | repair` killed with SIGKILL at random moments:
`python -m tests.benchmarks.kill_library [--kills 60]`.

Each time a copy of a library is made, a real command is started on it and killed somewhere between its first third and
its end. Then the library must be what it was before or what the command makes of it, whole in every part (a damaged one
that is being repaired: damaged as it was, or whole); and the same command run again must finish the work. What came of
each is noted in WORK/kills.jsonl; the same command goes on where it was stopped.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from app.library import aside
from app.library.catalogue import connect
from app.library.check import verify
from app.library.contents import read_contents
from app.library.moving import export_library
from app.library.places import list_libraries, places
from tests.benchmarks.killing import remove, run
from tests.conftest import ROOT
from tests.library.filling import add, writer_of

NAME = "lib"
_DOCUMENTS = 60
State = Mapping[str, str] | None  # document -> content hash; None where there is no library


@dataclass(frozen=True, slots=True)
class Command:
    """One kind of work. `damage` comes before it, `arguments` follow `sluice library`; `before` and `after` are what
    may be found."""

    name: str
    arguments: tuple[str, ...]
    before: State
    after: State
    damage: Callable[[Path], None] = lambda _: None


def prepare(work: Path) -> Path:
    """The libraries that commands work on: `old`, whose folder is returned, and `new.sluice` to put in its place."""
    source = work / "source"
    if not (source / "new.sluice").exists():
        remove(source)
        for folder, version in ((source / "old", ""), (source / "new", "v2")):
            writer = writer_of(folder)
            for n in range(_DOCUMENTS):
                add(writer, f"d{n}", *[f"word{n} part{i} {version}" for i in range(15)], seed=n, version=version)
            if version:
                add(writer, "extra", "only in the new one", seed=99)
            writer.publish()
            writer.close()
        export_library(source / "new", NAME, source / "new.sluice")
    return source / "old"


def state(libraries: Path) -> State:
    """The documents of the library, by their first passage's id; None where there is none."""
    if NAME not in list_libraries(libraries):
        aside.recover(libraries)  # as whoever asks for it does
    if NAME not in list_libraries(libraries):
        return None
    contents = read_contents(libraries, NAME)
    first = {chunk.document_id: chunk.id for chunk in contents.chunks if chunk.ordinal == 0}
    return {document.id: first[document.id] for document in contents.documents}


def commands(source: Path) -> list[Command]:
    old = state(source / "old")
    new = state(source / "new")
    assert old is not None
    parcel = str(source / "new.sluice")
    gone = [f"d{n}" for n in range(20)]
    return [
        Command("rebuild", ("rebuild", NAME), old, old),
        Command("delete", ("delete", NAME, *gone, "--yes"), old, {k: v for k, v in old.items() if k not in gone}),
        Command("delete all", ("delete", NAME, "--all", "--yes"), old, None),
        Command("import", ("import", parcel), None, new, lambda folder: remove(folder / NAME)),
        Command("replace", ("import", parcel, "--replace"), old, new),
        Command("repair", ("repair", NAME), old, old, _damage),
    ]


def _damage(libraries: Path) -> None:
    connection = connect(places(libraries, NAME), write=True)
    connection.execute("DELETE FROM lexical WHERE rowid % 7 = 0")
    connection.execute("DELETE FROM vectors WHERE chunk % 11 = 0")
    connection.execute("UPDATE generations SET chunks = 5")
    connection.close()


def kill(command: Command, old: Path, work: Path, share: float, spans: dict[str, float]) -> dict[str, Any]:
    """Kill one command once, look, and let it finish; what was found."""
    libraries = work / "home" / "libraries"

    def fresh() -> None:
        remove(libraries)
        shutil.copytree(old, libraries)
        command.damage(libraries)

    environment = {**os.environ, "SLUICE_HOME": str(work / "home"), "PYTHONPATH": str(ROOT)}
    line = ("-m", "app", "library", *command.arguments)
    if command.name not in spans:
        fresh()
        whole = run(line, environment)
        if whole.code != 0:
            raise RuntimeError(f"{command.name} ended with {whole.code}: {''.join(whole.said)}")
        spans[command.name] = whole.seconds
    fresh()
    damaged = verify(libraries, NAME) if command.before is not None else []
    span = spans[command.name]
    ended = run(line, environment, lambda process: process.age >= span * (0.35 + 0.65 * share))
    wrong = _wrong(command, libraries, damaged)
    found = state(libraries)
    if ended.code == 0:
        spans[command.name] = 0.7 * span + 0.3 * ended.seconds
    if found != command.after or damaged:
        again = run(line, environment)
        if again.code != 0 and not (command.name == "import" and found == command.after):
            wrong.append(f"the second time it ended with {again.code}: {''.join(again.said[-3:])}")
    final = state(libraries)
    wrong += [] if final == command.after else ["in the end it is not what it should be"]
    wrong += verify(libraries, NAME) if final is not None else []
    left = [path.name for path in aside.left(libraries) if command.name not in ("delete all", "import", "replace")]
    return {
        "command": command.name, "killed": ended.code == -9, "share": round(share, 3), "was": found == command.before,
        "is": found == command.after, "wrong": wrong + left,
    }  # fmt: skip


def _wrong(command: Command, libraries: Path, damaged: list[str]) -> list[str]:
    found = state(libraries)
    if found not in (command.before, command.after):
        return ["neither what it was nor what it is to be"]
    if found is None:
        return []
    return [line for line in verify(libraries, NAME) if line not in damaged]


@click.command()
@click.option("--kills", default=60, show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option("--work", type=click.Path(path_type=Path), default=Path(".sluice/kill_library"), show_default=True)
def main(kills: int, seed: int, work: Path) -> None:
    """Kill, look, finish, and say what came of it."""
    lines = killing(work, kills, seed)
    done = [line for line in lines if line["killed"]]
    said = {
        "kills": len(done),
        "by_command": dict(Counter(line["command"] for line in done)),
        "found_as_before": sum(line["was"] and not line["is"] for line in done),
        "found_done": sum(line["is"] for line in done),
        "wrong": [wrong for line in lines for wrong in line["wrong"]],
    }
    click.echo(json.dumps(said, indent=2))
    sys.exit(1 if said["wrong"] else 0)


def killing(work: Path, kills: int, seed: int) -> list[dict[str, Any]]:
    """Go on until there were so many kills; what came of all of them, also of those noted before."""
    work.mkdir(parents=True, exist_ok=True)
    work = work.resolve()
    old = prepare(work)
    log = work / "kills.jsonl"
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []
    spans: dict[str, float] = {}
    kinds = commands(work / "source")
    with log.open("a", encoding="utf-8") as out:
        while sum(line["killed"] for line in lines) < kills:
            command = kinds[len(lines) % len(kinds)]
            lines.append(kill(command, old, work, random.Random(f"{seed}/{len(lines)}").random(), spans))
            out.write(json.dumps(lines[-1]) + "\n")
            out.flush()
            for wrong in lines[-1]["wrong"]:
                click.echo(f"{command.name}: {wrong}", err=True)
    return lines


if __name__ == "__main__":
    main()
