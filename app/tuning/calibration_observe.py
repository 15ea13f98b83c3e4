"""Building the planned libraries, asking them, and scoring: the labelled observations a calibration is fitted on.

Libraries are filled by `python -m ingest`, so that chunks are what users get. Everything is kept below a work folder:
a second run embeds nothing twice, and scores that a scorer has given are read back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from app import ingest_process
from app.calibration.observed import Observation
from app.domain import Chunk, Condition, Filter, Retrieved
from app.library import open_reader
from app.ports import Embedder, LibraryReader, Scorer
from app.stages.fields import passage_text
from app.stages.retrieve import retrieve
from app.tuning.calibration_sets import Ask, LibraryPlan
from app.tuning.kept_scores import Raw, kept_scores, name_of

Say = Callable[[str], None]


def observe(
    plan: LibraryPlan, *, work: Path, libraries: Path, embedder: Embedder, scorer: Scorer | None, say: Say
) -> list[Observation]:
    """Fill the plan's library, ask its questions, score the candidates. Questions that retrieve nothing are left out.

    `libraries` is where `python -m ingest` puts libraries under the same settings. Raises what its parts raise.
    """
    name = fill_library(plan, work, say)
    reader = open_reader(libraries, name, embedder_id=embedder.id)
    try:
        asked = list(_ask_all(plan, reader, embedder))
    finally:
        reader.close()
    scores = None if scorer is None else _scores(plan, asked, scorer, work, say)
    rows = {passage.id: row for row, passage in enumerate(plan.passages, 1)}
    observations = []
    for place, (ask, retrieved) in enumerate(asked):
        chunks = [c.chunk for c in retrieved.candidates]
        observations.append(
            Observation(
                group=plan.group or plan.name,
                kind=ask.kind,
                retrieved=retrieved,
                relevant=relevant_chunks(ask, chunks, rows),
                raw=None if scores is None else scores[place],
                for_p=plan.for_p,
                marked=marked_chunks(ask, chunks, rows),
                way=plan.name,
                at_once=plan.at_once,
            )
        )
    return observations


def marked_chunks(ask: Ask, chunks: Sequence[Chunk], rows: Mapping[str, int]) -> tuple[bool, ...]:
    """Which chunks come from a relevant passage. `rows` maps passage ids to rows of the ingested file, 1-based."""
    wanted = {rows[p] for p in ask.relevant if p in rows}
    return tuple(chunk.metadata.get("row") in wanted for chunk in chunks)


def relevant_chunks(ask: Ask, chunks: Sequence[Chunk], rows: Mapping[str, int]) -> tuple[bool, ...]:
    """Which of the marked chunks answer: of a passage cut in several only those with an answer in them, where one can
    be found."""
    from_relevant = marked_chunks(ask, chunks, rows)
    answers = [_plain(answer) for answer in ask.answers if answer.strip()]
    holds = [yes and any(a in _plain(c.text) for a in answers) for yes, c in zip(from_relevant, chunks, strict=True)]
    found = {chunk.metadata.get("row") for yes, chunk in zip(holds, chunks, strict=True) if yes}
    return tuple(
        held or (yes and chunk.metadata.get("row") not in found)
        for held, yes, chunk in zip(holds, from_relevant, chunks, strict=True)
    )


def fill_library(plan: LibraryPlan, work: Path, say: Say) -> str:
    """Fill the plan's library by `python -m ingest` and return its name. Raises IngestFailed."""
    name = "calibration-" + re.sub(r"[^a-z0-9]+", "-", (plan.library or plan.name).lower())
    path = work / name / f"{plan.title}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({"title": p.title, "text": p.text}, ensure_ascii=False) for p in plan.passages]
    content = "\n".join(lines) + "\n"
    if not path.exists() or path.read_text(encoding="utf-8") != content:
        path.write_text(content, encoding="utf-8")
    for event in ingest_process.start([path], library=name):
        if event.kind == "report":
            say(f"{plan.name}: {len(plan.passages)} passages, {len(plan.asks)} questions")
    return name


def condition(ask: Ask, rows: Mapping[str, int]) -> Filter:
    """The filter that keeps a question within its scope. `rows` as for `relevant_chunks`."""
    return (Condition("row", "in", tuple(sorted(rows[p] for p in ask.scope))),) if ask.scope else ()


def _ask_all(plan: LibraryPlan, reader: LibraryReader, embedder: Embedder) -> Iterator[tuple[Ask, Retrieved]]:
    rows = {passage.id: row for row, passage in enumerate(plan.passages, 1)}
    vectors = embedder.embed_questions([ask.standalone for ask in plan.asks])
    for ask, vector in zip(plan.asks, vectors, strict=True):
        retrieved = retrieve(ask.standalone, vector, reader, where=condition(ask, rows), asked=ask.text)
        if retrieved.candidates:
            yield ask, retrieved


def _scores(
    plan: LibraryPlan, asked: Sequence[tuple[Ask, Retrieved]], scorer: Scorer, work: Path, say: Say
) -> list[Raw]:
    path = work / "scores" / f"{name_of(scorer)}-{re.sub(r'[^a-z0-9]+', '-', plan.name)}.jsonl"
    wanted = [(ask.standalone, [passage_text(c.chunk) for c in retrieved.candidates]) for ask, retrieved in asked]

    def score(question: str, passages: Sequence[str]) -> Raw:
        return tuple(score.raw for score in scorer.score(question, passages))

    def tick(done: int) -> None:
        if done % 100 == 0:
            say(f"{plan.name}: scored {done} of {len(asked)}")

    return kept_scores(path, wanted, score, tick)


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
