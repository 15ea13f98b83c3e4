"""Each training objective on a small real set: questions about diseases, told apart from other passages about them.

From train_medquad, the documents that the bundled model was kept from. The model is two layers of all-MiniLM, which
has not been trained to rank at all; a dozen steps (thirty, of `pointwise`) teach it something about diseases that it
has not seen.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from app.tuning.groups import Group
from app.tuning.loop import score, train
from app.tuning.model import CrossEncoder, ModelPlan, start
from app.tuning.own.fitting import training_plan
from app.tuning.own.objectives import loss_plan
from app.tuning.own.plan import Distil, Loss, TunePlan
from app.tuning.sources import Passage, read_set, scorer_text

ALL: tuple[tuple[Loss, Distil], ...] = (
    ("pointwise", "mse"), ("margin", "mse"), ("listwise", "mse"), ("distil", "margin-mse"),
)  # fmt: skip


@pytest.fixture(scope="module")
def real(shared_data: Path) -> tuple[list[Group], list[Group]]:
    """Training groups of twelve diseases, and groups of sixteen others."""
    source = read_set(shared_data / "train_medquad")
    about: dict[str, list[Passage]] = defaultdict(list)
    asked: dict[str, list[tuple[str, Passage]]] = defaultdict(list)
    for passage in source.passages.values():
        if passage.kept_back:
            about[passage.title].append(passage)
    for question in source.questions:
        found = source.passages[question.positives[0]] if question.positives else None
        if found is not None and found.kept_back:
            asked[found.title].append((question.text, found))
    titles = [title for title in sorted(about) if len(about[title]) >= 4 and len(asked[title]) >= 4]
    random.Random(5).shuffle(titles)
    return (
        [_group(*pair, about[title]) for title in titles[:12] for pair in random.Random(title).sample(asked[title], 2)],
        [_group(*pair, about[title]) for title in titles[12:28] for pair in asked[title][:1]],
    )


def _group(question: str, answer: Passage, about: Sequence[Passage]) -> Group:
    others = random.Random(question).sample([p for p in about if p.id != answer.id], 3)
    texts = tuple(scorer_text(p.title, " ".join(p.text.split()[:25])) for p in (answer, *others))
    return Group("real", question, texts, ("positive", "hard", "hard", "hard"), (), ())


def _ahead(model: CrossEncoder, groups: Sequence[Group]) -> float:
    """By how much the answering passage is ahead of the others, in standard deviations of all scores."""
    logits = np.asarray(score(model, [(g.question, text) for g in groups for text in g.texts])).reshape(-1, 4)
    return float((logits[:, :1] - logits[:, 1:]).mean() / logits.std())


@pytest.mark.shared
@pytest.mark.parametrize(("loss", "distil"), ALL)
def test_each_objective_learns_from_real_labels(
    real: tuple[list[Group], list[Group]], tmp_path: Path, loss: Loss, distil: Distil
) -> None:
    """On diseases that no group names, the answering passage moves ahead of the disease's other passages."""
    torch.manual_seed(7)
    training, held_out = real
    model = start(ModelPlan(layers=2))
    before = _ahead(model, held_out)
    teacher = None
    if loss == "distil":
        teacher = {(g.question, t): 6.0 * y - 4.0 for g in training for t, y in zip(g.texts, g.labels, strict=True)}
    plan = TunePlan(loss=loss, distil=distil, teacher="x" if teacher else None, rate=2e-4, batch=4, frozen=0)
    rounds = 5 if loss == "pointwise" else 2  # it has to find the zero of its scale first
    assert train(
        model, training * rounds, training_plan(plan, rounds * len(training), 96), loss_plan(loss, distil=distil),
        tmp_path / "ckpt", teacher=teacher,
    )  # fmt: skip
    assert _ahead(model, held_out) > before + 0.05
