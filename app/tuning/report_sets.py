"""Which questions a report looks at: held-out training documents to fit maps on, choosing sets, reporting sets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from app.domain import Turn
from app.errors import UsageError
from app.stages.rewrite import rewrite
from app.tuning.candidates import Tasks, build, sample
from app.tuning.encoder import Encoder, load_minilm
from app.tuning.mining import Floats, embed
from app.tuning.sources import Asked, Passage, QuestionSet, read_set, scorer_text
from app.tuning.variants import stands_alone

FITTING = ("train_covidqa", "train_fairytaleqa", "train_medquad", "train_nq", "train_selqa", "train_squad11",
           "train_squadshifts", "train_tatqa")  # fmt: skip
MOST_PASSAGES = 600


def fitting(data: Path, out: Path, count: int | None) -> list[Tasks]:
    """Questions over the kept-back documents of the training sets: no passage of theirs was trained on."""
    return [_tasks(_kept_back(read_set(data / name)), f"{name}-kept-back", out, count) for name in FITTING]


def choosing(data: Path, out: Path, count: int | None) -> list[Tasks]:
    """dev_squad2 articles A to M, and dev_tatqa within its contexts."""
    squad = _half(read_set(data / "dev_squad2"), late=False)
    return [_tasks(squad, "dev_squad2-a-m", out, count), _tasks(read_set(data / "dev_tatqa"), "dev_tatqa", out, count)]


def reporting(data: Path, out: Path, count: int | None) -> list[Tasks]:
    """dev_squad2 articles N to Z, dev_mtragun (follow-ups rewritten without a chat model), dev_pubmedqa; and dev_tatqa
    over the whole corpus."""
    squad = _half(read_set(data / "dev_squad2"), late=True)
    talk = read_set(data / "dev_mtragun")
    kept = ("ANSWERABLE", "PARTIAL", "UNANSWERABLE")
    talk = replace(talk, questions=tuple(_alone(q) for q in talk.questions if q.extra.get("answerability") in kept))
    whole = replace(read_set(data / "dev_tatqa"), scoped=False)
    return [
        _tasks(squad, "dev_squad2-n-z", out, count),
        _tasks(talk, "dev_mtragun", out, count),
        _tasks(read_set(data / "dev_pubmedqa"), "dev_pubmedqa", out, count),
        _tasks(whole, "dev_tatqa-whole-corpus", out, count),
    ]


def _alone(asked: Asked) -> Asked:
    history = [
        Turn("user" if turn["speaker"] == "user" else "assistant", turn["text"])
        for turn in asked.extra.get("history", ())
    ]
    return replace(asked, text=rewrite(asked.text, history, chat=None, system="").standalone)


def _half(source: QuestionSet, *, late: bool) -> QuestionSet:
    """The articles A to M or N to Z by title, each half a corpus of its own."""
    kept = {p.id: p for p in source.passages.values() if (p.title[:1].upper() > "M") is late}
    return _over(source, kept, lambda q: q.positives or (str(q.extra.get("passage_id", "")),))


def _kept_back(source: QuestionSet) -> QuestionSet:
    documents: dict[str, list[Passage]] = {}
    for passage in source.passages.values():
        if passage.kept_back:
            documents.setdefault(passage.group or passage.title or passage.id, []).append(passage)
    kept: dict[str, Passage] = {}
    for name in sorted(documents):
        if len(kept) < MOST_PASSAGES:
            kept |= {p.id: p for p in documents[name]}
    alone = replace(source, questions=tuple(q for q in source.questions if source.scoped or stands_alone(q.text)))
    return _over(alone, kept, lambda q: q.positives)


def _over(source: QuestionSet, kept: dict[str, Passage], homes: Callable[[Asked], tuple[str, ...]]) -> QuestionSet:
    """The questions that belong to the passages `kept`; `homes` tells where a question belongs."""
    asked = tuple(
        replace(q, positives=tuple(p for p in q.positives if p in kept))
        for q in source.questions
        if any(p in kept for p in homes(q))
    )
    return replace(source, passages=kept, questions=asked)


def _tasks(source: QuestionSet, name: str, out: Path, count: int | None) -> Tasks:
    """Half answerable and half unanswerable questions where the set has both; vectors are kept in `out`."""
    if not source.passages:
        raise UsageError(f"{name} has no passages.", hint="--data names the folder that holds the question sets")
    chosen: Sequence[Asked] = [q for q in source.questions if q.positives]
    without = [q for q in source.questions if not q.answerable]
    chosen = [*sample(chosen, count), *sample(without, count)]
    texts = [scorer_text(p.title, p.text) for p in source.passages.values()]
    passages = _kept_vectors(out / "vectors" / f"{source.name}-{name}.npy", texts)
    vectors = _kept_vectors(out / "vectors" / f"{name}-{len(chosen)}-questions.npy", [q.text for q in chosen])
    return replace(build(source, passages, chosen, vectors), name=name)


_encoder: list[Encoder] = []


def _kept_vectors(path: Path, texts: Sequence[str]) -> Floats:
    if path.exists():
        kept: Floats = np.load(path)
        if len(kept) == len(texts):
            return kept
    if not _encoder:
        torch.set_num_threads(1)
        _encoder.append(load_minilm().eval())
    vectors = embed(_encoder[0], texts)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, vectors)
    return vectors
