"""Ablations change one thing at a time, and are judged on questions whose answer is known."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from app.tuning.ablate import VARIANTS, Variant, judged, main, planned
from app.tuning.candidates import Task, Tasks
from app.tuning.model import ModelPlan, start


def test_every_variant_changes_one_thing(tmp_path: Path) -> None:
    recipe = Variant()
    for name, variant in VARIANTS.items():
        changed = [f.name for f in fields(Variant) if getattr(variant, f.name) != getattr(recipe, f.name)]
        assert len(changed) == (0 if name == "recipe" else 1), name
    runs = [planned(name, v, data=tmp_path, out=tmp_path, steps=7) for name, v in VARIANTS.items()]
    assert {(run.seed, run.first.seed, run.first.steps, run.first.groups) for run in runs} == {(17, 17, 7, 8)}
    assert len({run.out for run in runs}) == len(runs)


def test_a_variant_is_judged_by_its_own_logits() -> None:
    texts = ("The ferry to Texel leaves at nine.", "Stamps are sold at the post office.")
    one = np.ones(2, dtype=np.float32)
    asked = ("when does the ferry to Texel leave", "when does the ferry to Ameland leave")
    tasks = tuple(
        Task(text, str(n), n == 0, (0, 1), np.array([n == 0, False]), 0, one, one) for n, text in enumerate(asked)
    )
    found = judged(start(ModelPlan(layers=2)), Tasks("two", texts, tasks))
    assert found == {"questions": 1, "ndcg_10": [1.0, 1.0, 1.0], "auroc": 1.0}


def test_an_unknown_variant_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--data", str(tmp_path), "--out", str(tmp_path), "seven layers"])
    assert stopped.value.code == 2
    assert "there are: recipe, pointwise only" in capsys.readouterr().err
