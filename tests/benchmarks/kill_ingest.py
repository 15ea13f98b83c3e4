"""Real ingests killed with SIGKILL at random moments: `python -m tests.benchmarks.kill_ingest [--kills 200]`.

Rounds. In each the documents change (some new, some other, some gone), an ingest of them is started and killed several
times, and then runs to its end. After every kill the library must be readable and agree with itself, and every document
in it must be whole, as it was before the round or as it is now. After the last run the library is compared with one
that was filled from the same documents without an interruption: documents, chunks, vectors, lexical and dense results.

Every third round starts without a library, every third without its index, so that the index is built under the kills.
Kills come while the process starts, while it reads and writes, while an index is being built, and right after it says
that something was published. Each is noted in WORK/kills.jsonl as it happens; the same command goes on where it was
stopped. Exit code 1 when something was lost, doubled or torn.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from app.errors import LibraryNotFound
from app.library.check import verify
from app.library.contents import read_contents
from app.library.places import places
from tests.benchmarks.hashed_embeddings import serving
from tests.benchmarks.killing import (
    Snapshot,
    differences,
    least_cosine,
    remove,
    run,
    sentences_of,
    snapshot,
    write_documents,
)
from tests.conftest import ROOT

NAME = "killed"
KILLS_A_ROUND = 10
MOMENTS = ("starting", "working", "working", "working", "building", "published")


@dataclass(slots=True)
class Bench:
    """One benchmark in a folder of its own."""

    work: Path
    seed: int
    documents: int
    environment: Mapping[str, str]
    span: float = 3.0  # seconds that a run takes after its first word; measured anew at every whole run
    start: float = 2.0  # seconds until its first word

    @property
    def libraries(self) -> Path:
        return self.work / "home" / "libraries"

    @property
    def folder(self) -> Path:
        return self.work / "docs"

    def ingest(self, library: str, kill: Callable[[Any], bool] | None = None) -> tuple[str, ...]:
        """One run of the real command; what it said. Raises RuntimeError where it ends otherwise than it should."""
        command = ["-m", "ingest", "--library", library, "--prune-anyway", "--json-lines", "--publish-every", "0.5"]
        ended = run([*command, "--", str(self.folder)], self.environment, kill)
        if ended.code not in ((0, -9) if kill is not None else (0,)):
            raise RuntimeError(f"ingest ended with {ended.code}: {''.join(ended.said[-5:])}")
        if kill is None:
            self.start, self.span = ended.silent, max(0.5, ended.seconds - ended.silent)
        return ended.said if ended.code == 0 else ()

    def round(self, number: int, kills: int) -> Iterator[dict[str, Any]]:
        """What came of each kill, and of the comparison at the end."""
        chance = random.Random(f"{self.seed}/{number}")
        before = self._stored()
        write_documents(self.folder, self.documents, chance, sentences_of(ROOT / "docs"))
        after = self._on_disk()
        where = places(self.libraries, NAME)
        if number % 3 == 0:
            remove(where.root)
            before = {}
        elif number % 3 == 1:
            remove(where.vectors)
        for kill in range(kills):
            moment = chance.choice(MOMENTS)
            if moment == "building" and number % 3 == 2:
                moment = "working"  # its index stands, and so few documents get it no other
            began = time.monotonic()
            finished = bool(self.ingest(NAME, self._killer(moment, chance)))
            wrong = self._wrong(before, after, bare=number % 3 == 1)
            yield {
                "round": number, "kill": kill, "moment": moment, "finished": finished, "wrong": wrong,
                "seconds": round(time.monotonic() - began, 2), "generation": self._generation(),
            }  # fmt: skip
            if finished:  # too quick for its killer: something new to do for the next
                before = self._stored()
                write_documents(self.folder, self.documents, chance, sentences_of(ROOT / "docs"))
                after = self._on_disk()
                if number % 3 == 1:
                    remove(where.vectors)
        said = self.ingest(NAME)
        remove(places(self.libraries, "whole").root)
        self.ingest("whole")
        questions = [chance.choice(sentences_of(ROOT / "docs")) for _ in range(20)]
        mine, theirs = (snapshot(self.libraries, name, questions) for name in (NAME, "whole"))
        counts = json.loads(said[-1])["report"]["counts"]
        yield {
            "round": number, "compared": True, "documents": len(mine.documents), "chunks": len(mine.chunks),
            "least_cosine": round(least_cosine(mine, theirs), 6), "counts": counts, "span": round(self.span, 2),
            "wrong": [*differences(mine, theirs), *verify(self.libraries, NAME), *self._off(mine, after)],
        }  # fmt: skip

    def _killer(self, moment: str, chance: random.Random) -> Callable[[Any], bool]:
        """When to kill: after a random time, or a random moment after the folder or the word that is waited for."""
        share = chance.random()
        vectors = places(self.libraries, NAME).vectors
        seen: list[float] = []
        if moment == "starting":
            return lambda process: process.age >= share * self.start * 1.1
        if moment == "building":

            def building(process: Any) -> bool:
                if not seen and any(vectors.glob("*.building")):
                    seen.append(process.age + share * 0.25)
                return bool(seen) and process.age >= seen[0]

            return building
        if moment == "published":

            def published(process: Any) -> bool:
                if not seen and any('"published"' in line for line in list(process.said)):
                    seen.append(process.age + share * 0.1)
                return bool(seen) and process.age >= seen[0]

            return published
        return lambda process: process.speaking >= share**1.5 * self.span  # most runs have less to do than a whole one

    def _wrong(self, before: Mapping[str, str], after: Mapping[str, str], *, bare: bool) -> list[str]:
        """What is lost, torn or doubled after a kill. `bare`: this round took the index away itself."""
        try:
            wrong = [line for line in verify(self.libraries, NAME) if not (bare and "has no base index" in line)]
            stored = self._stored()
        except LibraryNotFound:
            return [] if not before else ["the library is gone"]
        wrong += [
            f"{uri} is neither as it was nor as it is now"
            for uri, digest in stored.items()
            if digest not in (before.get(uri), after.get(uri))
        ]
        return wrong + [f"{uri} is lost" for uri in before.keys() & after.keys() if uri not in stored]

    def _off(self, mine: Snapshot, after: Mapping[str, str]) -> list[str]:
        stored = {uri: values[3] for uri, values in mine.documents.items()}
        return [] if stored == after else ["the documents are not those on the disk"]

    def _stored(self) -> dict[str, str]:
        if not places(self.libraries, NAME).catalogue.exists():
            return {}
        return {d.uri: d.content_hash for d in read_contents(self.libraries, NAME).documents}

    def _generation(self) -> int:
        if not places(self.libraries, NAME).catalogue.exists():
            return -1
        return read_contents(self.libraries, NAME).info.generation

    def _on_disk(self) -> dict[str, str]:
        from ingest.identity import content_hash, uri_of

        return {uri_of(path): content_hash(path.read_bytes()) for path in self.folder.rglob("*") if path.is_file()}


def bench(work: Path, seed: int, documents: int, **settings: str) -> Bench:
    """A benchmark below `work`, which is made; `settings` are Sluice's, by their names in the environment."""
    work.mkdir(parents=True, exist_ok=True)
    home = {"SLUICE_HOME": str(work.resolve() / "home"), "PYTHONPATH": str(ROOT)}
    return Bench(work.resolve(), seed, documents, {**os.environ, **home, **settings})


@click.command()
@click.option("--kills", default=200, show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option("--documents", default=120, show_default=True, help="Files in the folder, about.")
@click.option("--work", type=click.Path(path_type=Path), default=Path(".sluice/kill_ingest"), show_default=True)
@click.option("--bundled", is_flag=True, help="Embed with the bundled model instead of a hash: ten times the work.")
def main(kills: int, seed: int, documents: int, work: Path, bundled: bool) -> None:
    """Kill, look, compare, and say what came of it."""
    if bundled:
        lines = killing(bench(work, seed, documents), kills)
    else:
        with serving(20_000 + seed % 10_000) as url:  # the library notes the address: it has to stay
            where = {"EMBEDDING": "openai:hashed", "EMBEDDING_BASE_URL": url, "EMBEDDING_API_KEY": "none"}
            lines = killing(bench(work, seed, documents, **where), kills)
    click.echo(json.dumps(summary(lines), indent=2))
    sys.exit(1 if any(line["wrong"] for line in lines) else 0)


def killing(running: Bench, kills: int) -> list[dict[str, Any]]:
    """Go on until there were so many kills; what came of all of them, also of those noted before."""
    log = running.work / "kills.jsonl"
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []
    number = 1 + max((line["round"] for line in lines if "compared" in line), default=-1)
    lines = [line for line in lines if line["round"] < number]  # a round that was cut off is done again
    with log.open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(line) + "\n" for line in lines)
        done = sum("kill" in line and not line["finished"] for line in lines)
        while done < kills:
            for line in running.round(number, min(KILLS_A_ROUND, kills - done)):
                out.write(json.dumps(line) + "\n")
                out.flush()
                lines.append(line)
                done += "kill" in line and not line["finished"]
                for wrong in line["wrong"]:
                    click.echo(f"round {number}: {wrong}", err=True)
            click.echo(f"round {number}: {done} of {kills} kills", err=True)
            number += 1
    return lines


def summary(lines: list[dict[str, Any]]) -> dict[str, object]:
    """Kills by moment, comparisons, and what was wrong."""
    killed = [line for line in lines if "kill" in line and not line["finished"]]
    compared = [line for line in lines if "compared" in line]
    return {
        "kills": len(killed),
        "by_moment": dict(Counter(line["moment"] for line in killed)),
        "ended_before_the_kill": sum("kill" in line and line["finished"] for line in lines),
        "comparisons": len(compared),
        "chunks": [min(line["chunks"] for line in compared), max(line["chunks"] for line in compared)],
        "least_cosine": min(line["least_cosine"] for line in compared),
        "wrong": [wrong for line in lines for wrong in line["wrong"]],
    }


if __name__ == "__main__":
    main()
