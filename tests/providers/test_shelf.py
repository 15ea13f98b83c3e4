"""The table of local rerankers: what ships, what was tuned, and speeds that belong to what would run."""

from __future__ import annotations

import json
from pathlib import Path

from app.domain import ScorerId
from app.providers.prepared import write_prepared
from app.providers.reranking.kinds import KINDS
from app.providers.reranking.shelf import rows
from app.providers.reranking.speeds import Speed, keep, kept_speeds, measure, speeds_file
from app.settings import Settings, load_settings
from tests.fakes import CountingScorer


def here(tmp_path: Path) -> Settings:
    return load_settings(sluice_home=tmp_path)


def test_every_row_can_be_named_in_the_setting(tmp_path: Path) -> None:
    found = rows(here(tmp_path))
    assert len({row.name for row in found}) == len(found)
    assert {row.name.partition(":")[0] for row in found} <= set(KINDS)
    assert [row.name for row in found[:2]] == ["late-interaction", "bundled"]
    assert all(row.licence and row.languages and row.window for row in found)
    assert all(row.parameters is not None and row.parameters > 0 for row in found)


def test_one_that_was_tuned_and_won_is_on_the_shelf(tmp_path: Path) -> None:
    facts = {"schema": 1, "name": "mine", "revision": "r1", "precision": "int8", "window": 384}
    for name, promoted in (("mine", True), ("lost", False)):
        write_prepared(tmp_path / "tuned" / name / "model", lambda _: facts)
        about = {
            "schema": 1, "name": name, "base": "bundled", "library": "x", "promoted": promoted, "said": "", "at": "",
        }  # fmt: skip
        (tmp_path / "tuned" / name / "tuned.json").write_text(json.dumps(about), encoding="utf-8")
    settings = here(tmp_path)
    own = ScorerId("tuned", "mine", "r1", "identity", "int8", window=384)
    keep(speeds_file(settings.models_dir), own, Speed(0.25, "2026-01-02"))
    (row,) = [row for row in rows(settings) if row.name.startswith("tuned:")]
    assert (row.name, row.window, row.here, row.speed) == ("tuned:mine", 384, "yes", Speed(0.25, "2026-01-02"))


def test_speeds_are_kept_beside_each_other_and_a_damaged_file_is_none(tmp_path: Path) -> None:
    file = tmp_path / "speeds.json"
    one, other = ScorerId("a", "b"), ScorerId("a", "c")
    keep(file, one, Speed(0.5, "2026-01-02"))
    keep(file, other, Speed(1.5, "2026-01-03"))
    keep(file, one, Speed(0.25, "2026-01-04"))
    assert kept_speeds(file) == {str(one): Speed(0.25, "2026-01-04"), str(other): Speed(1.5, "2026-01-03")}
    file.write_text("{", encoding="utf-8")
    assert kept_speeds(file) == {}


def test_twenty_passages_of_the_usual_length_are_measured() -> None:
    scorer = CountingScorer()
    speed = measure(scorer)
    assert speed.seconds >= 0
    warm, *rounds = [passages for _, passages in scorer.calls]
    assert len(warm) == 2
    assert len(rounds) >= 2
    assert all(len(set(passages)) == 20 for passages in rounds)
    assert all(100 <= len(passage.split()) <= 200 for passage in rounds[0])
