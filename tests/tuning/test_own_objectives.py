"""Every training objective, by its flag, on what a made-up workshop's people mean by their words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.providers.reranking.registry import BUNDLED
from app.tuning.dequantise import recovered
from app.tuning.groups import Group
from app.tuning.loop import score, train
from app.tuning.model import CrossEncoder
from app.tuning.own.fitting import training_plan
from app.tuning.own.negatives import Passage, groups_of, material
from app.tuning.own.objectives import loss_plan
from app.tuning.own.plan import Distil, Loss, TunePlan
from tests.tuning.workshop import MACHINES, SECTIONS, WORDS

ALL: tuple[tuple[Loss, Distil], ...] = (
    ("pointwise", "mse"), ("margin", "mse"), ("listwise", "mse"), ("both", "mse"), ("distil", "mse"),
    ("distil", "margin-mse"),
)  # fmt: skip


def _groups(machines: tuple[str, ...], *, rounds: int) -> list[Group]:
    found = [
        material(
            f"{name} {word}",
            f"How do we {word} the {name.lower()}?",
            [
                Passage(other, f"{name}: {other}\n{text.format(name=name.lower())}", 1 if other == section else None)
                for other, text in SECTIONS.items()
            ],
            unlabelled="negative",
        )
        for name in machines
        for word, section in list(WORDS.items())[:2]
    ]
    return groups_of(found, rounds=rounds, negatives=3, pointwise=True, seed=3)


def _ahead(model: CrossEncoder, groups: list[Group]) -> float:
    """By how many logits the relevant passage is above the others, on average."""
    logits = score(model, [(g.question, text) for g in groups for text in g.texts])
    rows = np.asarray(logits).reshape(len(groups), -1)
    return float((rows[:, :1] - rows[:, 1:]).mean())


@pytest.fixture(scope="module")
def groups() -> list[Group]:
    return _groups(MACHINES[:3], rounds=4)


@pytest.mark.parametrize(("loss", "distil"), ALL)
def test_each_objective_teaches_what_a_word_means_here(
    groups: list[Group], tmp_path: Path, loss: Loss, distil: Distil
) -> None:
    """On machines that no group names, the meant passage moves ahead of the others."""
    others = _groups(MACHINES[6:8], rounds=1)
    plan = TunePlan(loss=loss, distil=distil, teacher="x" if loss == "distil" else None, rate=1e-4, batch=4)
    teacher = None
    if loss == "distil":
        teacher = {(g.question, t): 6.0 * y - 4.0 for g in groups for t, y in zip(g.texts, g.labels, strict=True)}
    model = recovered(BUNDLED)
    before = _ahead(model, others)
    assert train(
        model, groups, training_plan(plan, len(groups), 96), loss_plan(loss, distil=distil), tmp_path / "ckpt",
        teacher=teacher,
    )  # fmt: skip
    assert _ahead(model, others) > before + 0.3


def test_thrifty_training_comes_to_the_same(groups: list[Group], tmp_path: Path) -> None:
    weights = []
    for thrifty in (False, True):
        model = recovered(BUNDLED)
        plan = training_plan(TunePlan(batch=2, thrifty=thrifty), 4, 96)
        train(model, groups, plan, loss_plan("both"), tmp_path / str(thrifty))
        weights.append(model.state_dict()["out.weight"].numpy())
    assert np.abs(weights[0] - weights[1]).max() < 1e-6
    assert np.abs(weights[0] - recovered(BUNDLED).state_dict()["out.weight"].numpy()).max() > 1e-6
