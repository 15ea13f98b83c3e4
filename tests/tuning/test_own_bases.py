"""Bases other than the bundled one, labels from votes, and memory that runs out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from app.errors import ModelError, UsageError
from app.evaluation.questions.model import Label, LabelledQuestion, QuestionSet
from app.evaluation.votes import Vote
from app.providers.reranking.onnx_cross_encoder import open_exported
from app.tuning.groups import Group
from app.tuning.loop import score, train
from app.tuning.own.bases import open_base
from app.tuning.own.fitting import to_lower, training_plan
from app.tuning.own.labels import gather
from app.tuning.own.objectives import loss_plan
from app.tuning.own.plan import TunePlan
from tests.conftest import ROOT
from tests.providers.conftest import save_classifier

PAIRS = [
    ("is water red", "mars is a red planet"),
    ("is water red", "ask what the text is"),
    ("what is mars", "a planet"),
]


def test_a_hub_cross_encoder_is_trained_and_exported_to_the_fast_path(tmp_path: Path) -> None:
    base = open_base(str(save_classifier(tmp_path / "tiny", labels=1)), tmp_path)
    assert base.scorer == f"cross-encoder:{tmp_path / 'tiny'}" and base.window == 48
    before = score(base.model, PAIRS, window=base.window, cutter=base.cutter)
    groups = [Group("own", "is water red", (PAIRS[0][1], PAIRS[1][1]), ("positive", "hard"), (), ())] * 8
    plan = training_plan(TunePlan(rate=1e-3, batch=2), len(groups), base.window)
    assert train(base.model, groups, plan, loss_plan("margin"), tmp_path / "ckpt", cutter=base.cutter)
    after = score(base.model, PAIRS, window=base.window, cutter=base.cutter)
    assert after[0] - after[1] > before[0] - before[1] + 0.2
    folder = base.write(tmp_path / "model", "mine", PAIRS, {"tuned_from": base.name})
    exported = open_exported(folder, provider="tuned", model="mine")
    assert exported.profile.id.model == "mine" and exported.profile.id.window == 48
    raw = [exported.score(question, [text])[0].raw for question, text in PAIRS]
    assert raw == pytest.approx(after, abs=0.25)


def test_what_cannot_be_exported_is_not_trained(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="gives 3 numbers a passage"):
        open_base(str(save_classifier(tmp_path / "three", labels=3)), tmp_path)
    with pytest.raises(UsageError, match="leaves no room"):
        open_base("bundled", tmp_path, window=8)


def test_an_untrained_base_starts_the_same_every_time(tmp_path: Path) -> None:
    first, again = (open_base("all-MiniLM-L6-v2", tmp_path).model.state_dict() for _ in range(2))
    assert all(torch.equal(value, again[name]) for name, value in first.items())
    assert first["cls.weight"].abs().sum() > 0.0  # drawn, and drawn alike


def _vote(kind: str, value: int, chunk: str | None, question: str = "How deep is the well?") -> Vote:
    candidates = [{"chunk_id": c, "document": f"{c}.md", "text": f"The text of {c}."} for c in ("c1", "c2", "c3")]
    trace: dict[str, Any] = {
        "question": {"standalone": question},
        "retrieval": {},
        "candidates": candidates,
        "gate": {"outcome": "admitted"},
        "context": {"chunk_ids": ["c1"]},
        "answer": {"citations": [1]},
    }
    return Vote("2026-11-21T00:00:00+00:00", kind, value, chunk, trace)  # type: ignore[arg-type]


def test_votes_are_labels_and_thumbs_down_are_negatives() -> None:
    labels = gather([], [_vote("passage", 1, "c1"), _vote("passage", -1, "c2"), _vote("answer", 1, None, "Why?")])
    well, why = labels.questions.questions
    assert {label.chunk: label.grade for label in well.relevant} == {"c1": 1, "c2": 0}
    assert not well.weak and why.weak
    assert labels.sources == {"votes": 2}


def test_what_a_set_and_the_votes_say_of_one_question_is_put_together() -> None:
    (known,) = gather([], [_vote("passage", 1, "c1"), _vote("passage", -1, "c2")]).questions.questions
    own = QuestionSet("own", (LabelledQuestion(known.id, known.text, (Label(chunk="c2"), Label(chunk="c9"))),))
    (both,) = gather([own], [_vote("passage", 1, "c1"), _vote("passage", -1, "c2")]).questions.questions
    assert {label.chunk: label.grade for label in both.relevant} == {
        "c2": 1,
        "c9": 1,
        "c1": 1,
    }  # the first named counts


def test_without_labels_there_is_nothing_to_learn() -> None:
    with pytest.raises(UsageError, match="nothing to learn from"):
        gather([], [])


_STARVED = """
import resource, sys
from pathlib import Path
from app.errors import SluiceError
from app.tuning.groups import Group
from app.tuning.own.bases import open_base
from app.tuning.own.fitting import fit
from app.tuning.own.plan import TunePlan
base = open_base("bundled", Path("."))
texts = tuple(f"{i} " + "word " * 300 for i in range(40))
groups = [Group("own", "what", texts, ("positive",) + ("hard",) * 39, (), ())] * 64
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
# enough to cut the passages, where Rust would end the process without a word; a step takes several times as much
limit = used + 1_500_000_000
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    fit(base, groups, [], str, TunePlan(batch=64), Path(sys.argv[1]), teacher=None,
        tick=lambda *_: None, note=lambda _: None)
except SluiceError as error:
    print(type(error).__name__, error.message, error.hint)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc, to know how much memory is in use")
def test_out_of_memory_says_what_to_lower(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _STARVED, str(tmp_path)],
        capture_output=True, text=True, cwd=ROOT, timeout=250, check=False,
    )  # fmt: skip
    assert done.stdout.startswith("ModelError There is not enough memory to train"), done.stdout + done.stderr[-1500:]
    assert "--thrifty" in done.stdout
    assert "--batch 4" in to_lower(TunePlan(thrifty=True)) and "--window 256" in to_lower(TunePlan(thrifty=True))
