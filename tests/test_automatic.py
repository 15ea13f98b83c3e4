"""RERANKER=auto over a hub cache folder of one's own: real files in the hub's layout, real processes, no network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from app.automatic import SHIPPED
from app.providers.local_models import is_whole
from app.providers.onnx_export import export_classifier
from app.providers.prepare import prepare_cross_encoder
from app.providers.reranking.cross_encoder import cross_encoder_id, open_cross_encoder
from app.providers.reranking.registry import DEFAULT
from tests.conftest import ROOT, models_dir
from tests.providers.conftest import save_classifier

MODEL = "cross-encoder/ms-marco-MiniLM-L6-v2"
OTHER = "cross-encoder/ms-marco-MiniLM-L12-v2"
NAME = f"cross-encoder:{MODEL}"
COMMIT = "c5ee24cb16019beea0893ab7796b1df96625c6b8"
PROGRAM = """
import json, sys, time
from pathlib import Path
from app.automatic import automatic, rivals
from app.providers.reranking.cross_encoder import cross_encoder_id
from app.settings import load_settings
from app.wiring import build
said = {}
for home in sys.argv[1:]:
    settings = load_settings(sluice_home=Path(home))
    sluice = build(settings)
    said[home] = {
        "name": automatic(settings).name, "why": automatic(settings).why,
        "rivals": {r.name: [r.why, r.fix] for r in rivals(settings)},
        "asked": sluice.options().reranker, "fallback": sluice.options().reranker_fallback,
        "choices": [c.name for c in sluice.rerankers()], "note": sluice.rerankers()[0].note,
    }
said["torch"] = "torch" in sys.modules
print(json.dumps(said))
"""


def in_the_cache(hub: Path, model: str, *, commit: str = COMMIT) -> Path:
    """A tiny cross-encoder where the hub's client would have put it: blobs, and a snapshot of links to them."""
    place = hub / f"models--{model.replace('/', '--')}"
    snapshot = place / "snapshots" / commit
    snapshot.mkdir(parents=True)
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text(commit, encoding="utf-8")
    blobs = save_classifier(place / "blobs", labels=1)
    for file in blobs.iterdir():
        (snapshot / file.name).symlink_to(os.path.relpath(file, snapshot))
    return snapshot


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hub")
    in_the_cache(folder, MODEL)
    cut = in_the_cache(folder, OTHER)
    (cut.parent.parent / "blobs" / "model.safetensors").unlink()  # a link to nothing: the download was cut
    return folder


def identity(precision: str = "float32") -> dict[str, Any]:
    return {
        "provider": "cross-encoder",
        "model": MODEL,
        "revision": COMMIT[:12],
        "activation": "identity",
        "precision": precision,
        "template": "title+text",
        "window": 48,
    }


def shipped() -> dict[str, Any]:
    """The calibration of what ships."""
    (path,) = [path for path in SHIPPED.glob("*.json") if path.name.startswith(DEFAULT)]
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def first_right(name: str, more: float = 0.0) -> str:
    """Of 100 questions, how many have a relevant first passage with what ships, in one set or in the mean."""
    errors = shipped()["errors"]
    numbers = errors["mean"] if name == "mean" else errors["sets"][name]
    return f"{100 * (numbers['rank_1_precision'] + more):.1f}"


def calibrate(home: Path, *, up: float = 0.0, sets: Mapping[str, float] | None = None, **changed: object) -> None:
    """A calibration of the tiny model in `home`: what ships, with its rank-1 precision raised by `up` everywhere and
    in `sets` by what is given there."""
    content = shipped()
    content["scorer"] = identity()
    errors = content["errors"]
    by_set = {**errors["sets"], **errors["not_fitted_on"]}
    for name, numbers in (("mean", errors["mean"]), *by_set.items()):
        if numbers["rank_1_precision"] is not None:
            numbers["rank_1_precision"] += (sets or {}).get(name, up)
    content["fitted_on"] |= changed
    folder = home / "calibrations"
    folder.mkdir(parents=True)
    (folder / "tiny.json").write_text(json.dumps(content), encoding="utf-8")


def environment(hub: Path, home: Path | None = None) -> dict[str, str]:
    given = {"HF_HUB_CACHE": str(hub), "SLUICE_MODELS": str(models_dir())}
    return {**os.environ, **given, **({} if home is None else {"SLUICE_HOME": str(home)})}


@pytest.fixture(scope="module")
def looked(hub: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """What `auto` stands for in homes that differ by their calibrations."""
    homes = tmp_path_factory.mktemp("homes")
    calibrate(homes / "better", up=0.01)
    calibrate(homes / "equal")
    calibrate(homes / "harms one", up=0.01, sets={"train_medquad": -0.03})
    calibrate(homes / "other questions", up=0.01, questions=99)
    calibrate(homes / "own labels", up=0.01, library="notes")
    (homes / "uncalibrated").mkdir()
    calibrate(homes / "another revision", up=0.01)
    file = homes / "another revision" / "calibrations" / "tiny.json"
    file.write_text(file.read_text(encoding="utf-8").replace(COMMIT[:12], "0" * 12), encoding="utf-8")
    names = sorted(str(home) for home in homes.iterdir())
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *names],
        env=environment(hub),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    return {Path(home).name: found for home, found in said.items()}


def test_a_better_calibrated_model_is_used_by_name(looked: Mapping[str, Any]) -> None:
    found = looked["better"]
    assert (found["name"], found["asked"]) == (NAME, NAME)
    assert found["choices"][:2] == [NAME, DEFAULT]
    figures = f"{first_right('mean', 0.01)} of 100 questions, {first_right('mean')} with what ships"
    assert MODEL in found["why"] and figures in found["why"]
    assert found["note"].startswith("Auto stands for")
    assert found["fallback"] == DEFAULT  # what ships, which works when the other does not


@pytest.mark.parametrize(
    ("home", "reason"),
    [
        ("equal", f"{first_right('mean')} of 100 questions, {first_right('mean')} with what ships"),
        (
            "harms one",
            f"but on train_medquad {first_right('train_medquad', -0.03)} against {first_right('train_medquad')}",
        ),
        ("other questions", "not measured on the same questions"),
        ("own labels", "no calibration of its own"),
        ("another revision", "no calibration of its own"),
        ("uncalibrated", "no calibration of its own"),
    ],
)
def test_every_other_one_is_passed_over_and_said_why(looked: Mapping[str, Any], home: str, reason: str) -> None:
    found = looked[home]
    assert (found["name"], found["asked"], found["choices"][0]) == (DEFAULT, DEFAULT, DEFAULT)
    assert found["note"] == ""
    assert reason in found["rivals"][NAME][0]


def test_a_cut_download_is_not_used(looked: Mapping[str, Any]) -> None:
    why, fix = looked["better"]["rivals"][f"cross-encoder:{OTHER}"]
    assert (why, fix) == ("its files are not all here", f"sluice models pull {OTHER}")


def test_looking_loads_no_model(looked: Mapping[str, Any]) -> None:
    assert looked["torch"] is False


def test_the_doctor_says_what_to_type(hub: Path, tmp_path: Path, prepared_models: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app", "doctor"],
        env=environment(hub, tmp_path / "my home"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Reranker auto: auto stands for late interaction, which ships with Sluice" in done.stdout, done.stderr
    assert f"Reranker {NAME}: on this machine, not used by auto: it has no calibration of its own" in done.stdout
    assert f"--scorer {NAME} --out '{tmp_path / 'my home' / 'calibrations'}'" in done.stdout


def test_a_question_is_scored_by_it_and_the_trace_says_so(
    hub: Path, handbook_home: Path, tmp_path: Path, prepared_models: Path
) -> None:
    calibrate(tmp_path, up=0.01)
    (tmp_path / "libraries").symlink_to(handbook_home / "libraries")
    done = subprocess.run(
        [sys.executable, "-m", "app", "ask", "How is nDCG computed?", "--json", "--answer-above", "0"],
        env=environment(hub, tmp_path),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)["scorer"]
    assert (said["requested"], said["status"], said["calibration"]) == (NAME, "applied", "general")
    assert said["used"].startswith(f"{NAME.replace(':', '/')}/{COMMIT[:12]}/")
    assert said["why"].startswith(f"auto stands for {MODEL}: ")


@pytest.mark.parametrize("way", ["torch", "onnx", "int8"])
def test_the_id_is_known_without_opening(way: str, tmp_path: Path) -> None:
    folder = save_classifier(tmp_path / "tiny", labels=1)
    if way == "onnx":
        export_classifier(folder, folder / "model.onnx")
    if way == "int8":
        prepare_cross_encoder(str(folder), tmp_path / "prepared")
    opened = open_cross_encoder(str(folder), tmp_path / "prepared").profile.id
    assert cross_encoder_id(str(folder), tmp_path / "prepared") == opened
    assert way in opened.precision or (way, opened.precision) == ("torch", "float32")


def test_a_folder_in_parts_is_whole_when_all_are_there(tmp_path: Path) -> None:
    for name in ("config.json", "tokenizer.json"):
        (tmp_path / name).write_text("{}", encoding="utf-8")
    assert not is_whole(tmp_path)
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    (tmp_path / "model-1.safetensors").write_bytes(b"1")
    assert not is_whole(tmp_path)
    (tmp_path / "model-2.safetensors").write_bytes(b"2")
    assert is_whole(tmp_path)
    (tmp_path / "tokenizer.json").unlink()
    assert not is_whole(tmp_path)
