"""Which weights are kept: the base's, a step's, or a mix of both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from app.domain import Chunk
from app.tuning.mining import tokenizer
from app.tuning.model import CrossEncoder, ModelPlan, start
from app.tuning.own.asking import Searched
from app.tuning.own.bases import Base
from app.tuning.own.looks import MIXES, Look, Looks, mixed
from tests.tuning.searched import searched

TEXTS = {
    "owl": "The barn owl hunts voles by sound in complete darkness.",
    "well": "The village well was dug in 1742 and is forty metres deep.",
    "bread": "Rye bread is baked for two hours, because its crumb stays wet.",
    "tide": "Spring tides come at new moon and at full moon.",
}
ASKED = {"owl": "how do owls hunt voles", "well": "how deep is the well", "bread": "why is rye bread baked so long"}


def _text(chunk: Chunk) -> str:
    return TEXTS[chunk.id]


def _questions() -> list[Searched]:
    """The relevant passage stands last in the search, so that only a model that knows it brings it up."""
    made = []
    for name, text in ASKED.items():
        one = searched(name, {name: 1}, [*(n for n in TEXTS if n != name), name])
        for found in (one.found, one.deep):
            object.__setattr__(found.question, "standalone", text)
        made.append(one)
    return made


def _base(model: CrossEncoder) -> Base:
    def write(*_: Any) -> Path:
        raise AssertionError("nothing is written here")

    return Base("tiny", "r", 64, model, tokenizer(64), None, write)


def _weights(model: CrossEncoder) -> dict[str, Any]:
    return {name: value.clone() for name, value in model.state_dict().items()}


@pytest.fixture(scope="module")
def good() -> dict[str, Any]:
    """One layer of all-MiniLM, which ranks these by its words."""
    return _weights(start(ModelPlan(layers=1)))


def _turned(weights: dict[str, Any]) -> dict[str, Any]:
    """The same, but what matches best counts against a passage."""
    return {**weights, "mix": -weights["mix"]}


def test_a_mix_lies_on_the_line_between() -> None:
    first, second = {"w": torch.tensor([0.0, 2.0])}, {"w": torch.tensor([4.0, 0.0])}
    assert mixed(first, second, 0.25)["w"].tolist() == [1.0, 1.5]
    assert mixed(first, second, 0.0)["w"].tolist() == [0.0, 2.0] and mixed(first, second, 1.0)["w"].tolist() == [4, 0]


def test_a_step_that_is_better_is_kept_and_one_that_is_worse_is_not(good: dict[str, Any], tmp_path: Path) -> None:
    model = start(ModelPlan(layers=1))
    model.load_state_dict(_turned(good))
    looks = Looks(_base(model), _questions(), _text, tmp_path)
    assert looks.look(0) < 0.6
    model.load_state_dict(good)
    assert looks.look(10) == 1.0
    model.load_state_dict(_turned(good))
    assert looks.look(20) < 0.6
    looks.mix()
    seen = {(look.step, look.share): look.ndcg for look in looks.all}
    assert list(seen) == [(0, 1.0), *((10, share) for share in MIXES), (10, 1.0), (20, 1.0)]
    assert seen[10, 0.33] < 1.0  # a third of the way the match still counts against a passage
    looks.take(looks.best)
    assert looks.best[0] == 10 and model.state_dict()["mix"][1] > 0.0


def test_training_that_did_harm_leaves_the_base(good: dict[str, Any], tmp_path: Path) -> None:
    model = start(ModelPlan(layers=1))
    model.load_state_dict(good)
    looks = Looks(_base(model), _questions(), _text, tmp_path)
    looks.look(0)
    model.load_state_dict(_turned(good))
    looks.look(10)
    looks.mix()
    assert looks.best == (0, 1.0)
    looks.take(looks.best)
    assert all(torch.equal(value, good[name]) for name, value in model.state_dict().items())


def test_after_a_kill_nothing_is_looked_at_twice(good: dict[str, Any], tmp_path: Path) -> None:
    model = start(ModelPlan(layers=1))
    model.load_state_dict(_turned(good))
    first = Looks(_base(model), _questions(), _text, tmp_path)
    first.look(0)
    model.load_state_dict(good)
    first.look(10)
    first.mix()
    other = start(ModelPlan(layers=1))
    other.load_state_dict(_turned(good))
    again = Looks(_base(other), [], _text, tmp_path)  # without questions everything measured now would be 0.0
    again.mix()
    assert again.all == first.all and Look(10, 1.0, 1.0) in again.all
    again.take((10, 1.0))
    assert all(torch.equal(value, good[name]) for name, value in other.state_dict().items())
