"""What every test stands on: an environment of its own, and a handbook library ingested once a session."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.providers.prepare import prepare_embedder
from app.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session", autouse=True)
def _own_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No setting of the person who runs the tests reaches them, and no key of theirs is ever used: neither from the
    environment, nor from a `.env` in this checkout, which a process elsewhere does not see."""
    names = {name.upper() for name in Settings.model_fields}
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.upper() in names or name.startswith(("LANGCHAIN", "LANGSMITH")):
                patch.delenv(name)
        patch.setenv("SLUICE_MODELS", str(models_dir()))
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.chdir(tmp_path_factory.mktemp("elsewhere"))
        yield


@pytest.fixture(autouse=True)
def _own_main() -> Iterator[None]:
    """Streamlit's AppTest leaves the page it ran behind as `__main__`, which a process that is spawned later would
    import and fail on."""
    before = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = before


def models_dir() -> Path:
    """The prepared models of this checkout; `make test` has prepared them."""
    return ROOT / ".sluice" / "models"


@pytest.fixture(scope="session")
def prepared_models() -> Path:
    """The bundled embedder, prepared if it is not yet."""
    prepare_embedder(models_dir())
    return models_dir()


@pytest.fixture(scope="session")
def handbook_home(tmp_path_factory: pytest.TempPathFactory, prepared_models: Path) -> Path:
    """A SLUICE_HOME whose library `handbook` holds docs/, ingested by the real process. Read only."""
    home = tmp_path_factory.mktemp("handbook-home")
    ingest(home, "--library", "handbook", str(ROOT / "docs"))
    return home


def environment(home: Path) -> dict[str, str]:
    """The environment of a process that works in `home`."""
    return {**os.environ, "SLUICE_HOME": str(home), "SLUICE_MODELS": str(models_dir())}


def ingest(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the real ingest process and return it; fails the test when it fails."""
    done = run_module("ingest", home, *arguments)
    assert done.returncode == 0, done.stderr
    return done


def run_module(module: str, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m MODULE` as a person would, in `home` and on what is there."""
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env=environment(home),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        cwd=home,
        timeout=280,
    )


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real question sets beside the project; the test skips where they are absent."""
    if not DATA.is_dir():
        pytest.skip("needs ../shared/data, which is not part of the project")
    return DATA


NOTES = {
    "owls.md": "# Owls\n\nThe barn owl hunts voles by sound alone, in complete darkness, over open meadows.\n",
    "wells.md": "# Wells\n\nThe village well was dug in 1742 and is forty metres deep; its rope is new each spring.\n",
    "bread.md": "# Bread\n\nRye bread is baked for two hours, because its crumb stays wet when the oven is too hot.\n",
    "tides.md": "# Tides\n\nSpring tides come at new moon and full moon, when sun and moon pull in one line.\n",
    "bees.md": "# Bees\n\nA colony of bees keeps its brood at thirty-five degrees, by shivering and by fanning.\n",
}
NOTE_QUESTIONS = (
    ("owls", "How does the barn owl find voles in the dark?", "hunts voles by sound alone"),
    ("wells", "How deep is the village well?", "dug in 1742 and is forty metres deep"),
    ("bread", "Why is rye bread baked for so long?", "its crumb stays wet when the oven is too hot"),
    ("tides", "When do spring tides come?", "Spring tides come at new moon and full moon"),
    ("bees", "How warm do bees keep their brood?", "keeps its brood at thirty-five degrees"),
    ("cup", "Who won the football world cup in 1954?", None),
    ("tax", "What is the rate of income tax in Norway?", None),
)


@pytest.fixture(scope="session")
def notes_home(tmp_path_factory: pytest.TempPathFactory, prepared_models: Path) -> Path:
    """A SLUICE_HOME whose library `notes` holds five short documents, ingested by the real process, and a question set
    `field` about them. Read only: copy it to write."""
    home = tmp_path_factory.mktemp("notes-home")
    folder = home / "documents"
    folder.mkdir()
    for name, text in NOTES.items():
        (folder / name).write_text(text, encoding="utf-8")
    ingest(home, "--library", "notes", str(folder))
    rows = [
        {"id": id_, "question": question, **({"answerable": False} if quote is None else {"quote": quote})}
        for id_, question, quote in NOTE_QUESTIONS
    ]
    sets = home / "questions" / "notes" / "sets"
    sets.mkdir(parents=True)
    (sets / "field.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return home
