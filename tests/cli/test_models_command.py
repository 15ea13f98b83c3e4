"""`sluice models`: the table, pulling from a local hub, measuring, removing; in processes of their own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.providers.prepared import write_prepared
from tests.providers.conftest import save_classifier
from tests.providers.hub import COMMIT, Hub

NAME = "cross-encoder/ms-marco-TinyBERT-L2-v2"  # a known name; the weights are a test's


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = save_classifier(tmp_path_factory.mktemp("hub") / "model", labels=1)
    (folder / "pytorch_model.bin").write_bytes(b"the same weights in an older format" * 1000)
    (folder / "onnx").mkdir()
    (folder / "onnx" / "model.onnx").write_bytes(b"and in another one" * 1000)
    (folder / "README.md").write_text("# A card\n", encoding="utf-8")
    return folder


def sluice(home: Path, *arguments: str, hub: str = "http://127.0.0.1:9") -> subprocess.CompletedProcess[str]:
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("HF_", "SLUICE_", "RERANKER"))
    }
    environment = {
        **inherited,
        "HF_ENDPOINT": hub,
        "HF_HOME": str(home / "hf"),
        "HF_HUB_DOWNLOAD_TIMEOUT": "5",
        "SLUICE_HOME": str(home / "sluice"),
        "OMP_NUM_THREADS": "1",
        "NO_PROXY": "127.0.0.1",
    }
    command = [sys.executable, "-m", "app", "models", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)


def test_pulling_says_what_comes_fetches_what_is_needed_and_nothing_twice(model: Path, tmp_path: Path) -> None:
    with Hub(NAME, model) as hub:
        first = sluice(tmp_path, "pull", f"cross-encoder:{NAME}", hub=hub.url)
        assert first.returncode == 0, first.stderr
        wanted = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]
        size = sum((model / name).stat().st_size for name in wanted)
        assert re.match(rf"{NAME}: {size / 1000:.1f} kB in 4 files. Its licence: Apache-2.0.", first.stderr) or (
            f"{NAME}: {size / 1e6:.1f} MB in 4 files. Its licence: Apache-2.0." in first.stderr
        )
        assert f"RERANKER=cross-encoder:{NAME}" in first.stderr
        folder = Path(first.stdout.strip())
        assert folder.name == COMMIT
        assert sorted(path.name for path in folder.iterdir()) == wanted
        fetched = [path for method, path, _ in hub.asked if method == "GET" and "/resolve/" in path]
        assert len(fetched) == 4
        hub.asked.clear()
        again = sluice(tmp_path, "pull", NAME, hub=hub.url)
        assert again.returncode == 0
        assert "is here, whole" in again.stderr
        assert [path for method, path, _ in hub.asked if method == "GET" and "/resolve/" in path] == []
    listed = json.loads(sluice(tmp_path, "list", "--json").stdout)
    (row,) = [row for row in listed["local"] if row["name"] == f"cross-encoder:{NAME}"]
    assert (row["here"], row["speed"]) == ("yes", None)
    assert f"cross-encoder:{NAME}" in [choice["name"] for choice in listed["choices"] if choice["available"]]


def test_a_lost_connection_is_gone_on_with_and_whole_files_are_kept(model: Path, tmp_path: Path) -> None:
    """The hub's client writes ten megabytes at a time, so the weights must be larger than that."""
    large = tmp_path / "large"
    shutil.copytree(model, large)
    (large / "model.safetensors").write_bytes(os.urandom(1_000_000) * 15)
    with Hub(NAME, large, cut_file="model.safetensors", cuts=12_000_000, gone=True) as hub:
        broken = sluice(tmp_path, "pull", NAME, hub=hub.url)
        assert broken.returncode == 1
        assert "cannot be fetched" in broken.stderr
        assert "Traceback" not in broken.stderr
        hub.status, hub.cuts, hub.gone = 200, 12_000_000, False
        hub.asked.clear()
        whole = sluice(tmp_path, "pull", NAME, hub=hub.url)
        assert whole.returncode == 0, whole.stderr
        assert "of them still to come" in whole.stderr
        fetched = [
            (Path(path).name, asked) for method, path, asked in hub.asked if method == "GET" and "/resolve/" in path
        ]
    assert {name for name, _ in fetched} == {"model.safetensors"}
    assert int((fetched[1][1] or "bytes=0-").removeprefix("bytes=").split("-")[0]) >= 10_000_000
    assert (Path(whole.stdout.strip()) / "model.safetensors").read_bytes() == (large / "model.safetensors").read_bytes()


def test_what_can_go_wrong_is_said(model: Path, tmp_path: Path) -> None:
    nobody = sluice(tmp_path, "pull", NAME)
    assert nobody.returncode == 1
    assert "the hub cannot be reached" in nobody.stderr
    assert "Check the network" in nobody.stderr
    with Hub(NAME, model) as hub:
        unknown = sluice(tmp_path, "pull", "org/none", hub=hub.url)
        assert unknown.returncode == 1
        assert "no model org/none" in unknown.stderr
        hub.status = 503
        broken = sluice(tmp_path, "pull", NAME, hub=hub.url)
        assert broken.returncode == 1
        assert "status 503" in broken.stderr
    assert sluice(tmp_path, "pull", "what is this").returncode == 2
    for done in (nobody, unknown, broken):
        assert "Traceback" not in done.stderr


def test_measured_once_and_kept_with_the_date(model: Path, tmp_path: Path) -> None:
    with Hub(NAME, model) as hub:
        assert sluice(tmp_path, "pull", NAME, hub=hub.url).returncode == 0
    measured = sluice(tmp_path, "measure", f"cross-encoder:{NAME}")
    assert measured.returncode == 0, measured.stderr
    assert re.fullmatch(rf"cross-encoder:{NAME}: 20 passages in [\d.]+ m?s\n", measured.stdout)
    shown = sluice(tmp_path).stdout
    (line,) = [line for line in shown.splitlines() if line.startswith(f"cross-encoder:{NAME} ")]
    assert re.search(r"4\.4 M +Apache-2\.0 +English +512 +yes +[\d.]+ m?s \(\d{4}-\d\d-\d\d\)", line)
    assert sluice(tmp_path, "measure", "none").returncode == 2


def test_an_export_is_removed_and_nothing_else(tmp_path: Path) -> None:
    models = tmp_path / "sluice" / "models"
    facts = {"schema": 1, "revision": "r", "precision": "int8", "window": 512}
    for folder, name in (("a-1", "org/a"), ("a-2", "org/a"), ("b-1", "org/b")):
        write_prepared(models / folder, lambda _, name=name: {**facts, "name": name})  # type: ignore[misc]
    removed = sluice(tmp_path, "remove", "cross-encoder:org/a")
    assert removed.returncode == 0, removed.stderr
    assert removed.stdout.count("Removed") == 2
    assert [folder.name for folder in models.iterdir()] == ["b-1"]
    again = sluice(tmp_path, "remove", "org/a")
    assert again.returncode == 1
    assert "no exported form" in again.stderr


def test_a_question_fetches_nothing(model: Path, tmp_path: Path) -> None:
    from app.errors import ModelMissing
    from app.providers.reranking.registry import open_scorer
    from app.settings import load_settings

    with Hub("org/other", model) as hub, pytest.raises(ModelMissing) as caught:
        open_scorer("cross-encoder:org/other", load_settings(sluice_home=tmp_path))
    assert caught.value.hint == "sluice models pull org/other"
    assert hub.asked == []
