"""The commands as a person types them: real processes on a real library."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import environment, run_module


def sluice(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_module("app", home, *arguments)


def test_ask_answers_with_citations(handbook_home: Path) -> None:
    done = sluice(handbook_home, "ask", "Why does the gate refuse a question?", "--explain")
    assert done.returncode == 0, done.stderr
    assert "[1]" in done.stdout
    assert "20 found" in done.stdout
    assert "before" in done.stdout and "KEPT" in done.stdout


def test_ask_prints_the_documented_trace(handbook_home: Path) -> None:
    done = sluice(handbook_home, "ask", "How is nDCG computed?", "--json", "-k", "7")
    trace = json.loads(done.stdout)
    assert (trace["schema"], len(trace["candidates"]), trace["retrieval"]["k"]) == (1, 7, 7)
    assert all(c["decision"] and c["reason"] for c in trace["candidates"])
    assert all(c["cosine"] is not None and c["bm25"] is not None for c in trace["candidates"])


def test_a_refusal_is_a_result_with_exit_code_3(handbook_home: Path) -> None:
    done = sluice(handbook_home, "ask", "What is the capital of Australia?", "--answer-above", "0.9")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "does not seem to answer this" in done.stdout
    assert done.stdout.count("  - ") == 3


def test_force_answers_anyway_and_says_so(handbook_home: Path) -> None:
    done = sluice(handbook_home, "ask", "What is the capital of Australia?", "--answer-above", "0.9", "--force")
    assert done.returncode == 0
    assert "below the gate" in done.stderr


def test_compare_has_four_arms_on_one_candidate_set(handbook_home: Path) -> None:
    done = sluice(handbook_home, "compare", "When does reranking hurt?", "--json", "--no-answers")
    assert done.returncode == 0, done.stderr
    arms = json.loads(done.stdout)["arms"]
    assert list(arms) == ["off", "reranked", "gated", "evidence"]
    seen = [{c["chunk_id"] for c in arm["candidates"]} for arm in arms.values()]
    assert all(s == seen[0] for s in seen)


def test_a_filter_that_leaves_nothing_is_named(handbook_home: Path) -> None:
    done = sluice(handbook_home, "ask", "How is nDCG computed?", "--filter", "nosuchfield=1")
    assert done.returncode == 3
    assert "leave out --filter, or see sluice library show handbook" in done.stdout


def test_a_filter_narrows_the_candidates(handbook_home: Path) -> None:
    done = sluice(handbook_home, "ask", "What is p?", "--json", "--filter", "document=The gate")
    titles = {c["title"] for c in json.loads(done.stdout)["candidates"]}
    assert titles == {"The gate"}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("ask", "x", "--library", "nowhere"), 1, "sluice ingest"),
        (("ask", "  "), 2, "The question is empty"),
        (("ask", "x", "--candidates", "500"), 2, "candidates"),
        (("ask", "x", "--filter", "nonsense"), 2, "FIELD=VALUE"),
        (("ask", "x", "--reranker", "magic"), 2, "names no reranker"),
        (("ask", "x\udcff"), 2, "not text in UTF-8"),  # as Python hands over a byte that is no text
        (("ask", "x", "--keep-above", "nan"), 2, "keep_above is not a number"),
        (("calibrate", "x.jsonl", "--test-share", "nan"), 2, "nan is not a number"),
        (("nonsense",), 2, "No such command"),
    ],
)
def test_errors_say_what_to_type(handbook_home: Path, arguments: tuple[str, ...], code: int, words: str) -> None:
    done = sluice(handbook_home, *arguments)
    assert done.returncode == code, done.stdout + done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_asking_imports_no_torch(handbook_home: Path) -> None:
    code = (
        "import sys; from app.cli import cli\n"
        "cli.main(['ask', 'What is a chunk?'], standalone_mode=False)\n"
        "heavy = {'torch', 'transformers', 'sentence_transformers', 'sklearn', 'streamlit'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment(handbook_home), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


def test_doctor_says_what_is_there(handbook_home: Path) -> None:
    done = sluice(handbook_home, "doctor", "--json")
    found = {f["what"]: f for f in json.loads(done.stdout)}
    assert found["Embedding model"]["state"] == "ok"
    assert found["Chat model"]["state"] == "note" and "OPENAI" in found["Chat model"]["fix"]
    assert "Library handbook" in found


def test_doctor_names_what_is_missing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app", "doctor"],
        env={**environment(tmp_path), "SLUICE_MODELS": str(tmp_path / "none")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "sluice models prepare" in done.stdout


def test_keys_are_never_printed(handbook_home: Path) -> None:
    secret = "sk-never-print-this"
    done = subprocess.run(
        [sys.executable, "-m", "app", "doctor"],
        env={**environment(handbook_home), "OPENAI_API_KEY": secret, "COHERE_API_KEY": secret},
        capture_output=True,
        text=True,
    )
    assert secret not in done.stdout + done.stderr


def test_libraries_are_listed_verified_and_deleted(tmp_path: Path, prepared_models: Path) -> None:
    (tmp_path / "note.md").write_text("# Tea\n\nGreen tea is steeped at 80 degrees.\n", encoding="utf-8")
    assert sluice(tmp_path, "ingest", str(tmp_path / "note.md"), "--library", "tea").returncode == 0
    assert "tea" in sluice(tmp_path, "library", "list").stdout
    assert "agree" in sluice(tmp_path, "library", "verify", "tea").stdout
    document = json.loads(sluice(tmp_path, "library", "show", "tea", "--json").stdout)[0]
    assert sluice(tmp_path, "library", "delete", "tea", document["id"], "--yes").returncode == 0
    empty = sluice(tmp_path, "ask", "How hot is green tea?", "--library", "tea")
    assert (empty.returncode, "empty" in empty.stdout) == (3, True)
    assert sluice(tmp_path, "library", "delete", "tea", "--all", "--yes").returncode == 0
    assert "No libraries yet" in sluice(tmp_path, "library", "list").stdout


def test_ingest_passes_the_exit_code_of_failed_files_on(tmp_path: Path, prepared_models: Path) -> None:
    (tmp_path / "fine.txt").write_text("Rivers carry sand to the sea.", encoding="utf-8")
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7 nothing more")
    done = sluice(tmp_path, "ingest", str(tmp_path / "fine.txt"), str(tmp_path / "broken.pdf"), "--library", "mixed")
    assert done.returncode == 5
    assert "broken.pdf" in done.stdout
