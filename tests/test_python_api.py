"""The Python API and the LangChain shapes: the examples of the handbook, run, and what they promise."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from langchain_core.documents import Document

from app.langchain import SluiceCompressor, SluiceRetriever
from app.pipeline import GateChoice
from app.settings import load_settings
from app.wiring import Sluice, build
from tests.conftest import ROOT, ingest

POLICY = """# Travel policy

## Approval

Travel expenses are approved by the head of the department. Above 2,000 euros the board approves them.

## Trains

Employees travel second class by train.
"""


@pytest.fixture(scope="module")
def sluice(tmp_path_factory: pytest.TempPathFactory, prepared_models: Path) -> Sluice:
    home = tmp_path_factory.mktemp("api")
    (home / "policy.md").write_text(POLICY, encoding="utf-8")
    for library in ("policies", "reports", "handbook"):
        ingest(home, "--library", library, str(home / "policy.md"))
    return build(load_settings(sluice_home=home))


def test_the_examples_of_the_handbook_run(sluice: Sluice, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs" / "python-api-and-langchain.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    assert len(blocks) > 8
    monkeypatch.setenv("SLUICE_HOME", str(sluice.settings.sluice_home))
    names = {
        "documents": [Document(page_content="The board approves large expenses."), Document(page_content="Trains.")],
        "question": "Who approves travel expenses?",
    }
    for block in blocks:
        exec(compile(block, "docs/python-api-and-langchain.md", "exec"), names)
    assert names["kept"] is not None


def test_the_readme_example_runs(sluice: Sluice, monkeypatch: pytest.MonkeyPatch) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", readme, flags=re.DOTALL)
    assert blocks
    monkeypatch.setenv("SLUICE_HOME", str(sluice.settings.sluice_home))
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})


def test_the_retriever_returns_what_the_gate_admits(sluice: Sluice) -> None:
    options = sluice.options(library="policies", gate=GateChoice(answer_above=0.0, keep_above=0.0))
    found = SluiceRetriever(sluice=sluice, options=options).invoke("Who approves travel expenses?")
    assert "head of the department" in found[0].page_content
    verdict = found[0].metadata["sluice"]
    assert verdict["decision"].startswith("KEPT")
    assert {"raw_score", "p", "rank_before", "rank_after", "reason"} <= set(verdict)


def test_the_retriever_returns_nothing_when_the_gate_refuses(sluice: Sluice) -> None:
    options = sluice.options(library="policies", gate=GateChoice(answer_above=1.0))
    assert SluiceRetriever(sluice=sluice, options=options).invoke("Who won the 1998 world cup?") == []


def test_the_compressor_reorders_and_keeps_the_documents_own_metadata(sluice: Sluice) -> None:
    documents = [
        Document(page_content="Second class trains are used.", metadata={"source": "a"}),
        Document(page_content="Travel expenses are approved by the head of the department.", metadata={"source": "b"}),
    ]
    compressor = SluiceCompressor(sluice=sluice, all_candidates=True)
    found = compressor.compress_documents(documents, "Who approves travel expenses?")
    assert [d.metadata["source"] for d in found] == ["b", "a"]
    assert [d.metadata["sluice"]["rank_before"] for d in found] == [2, 1]
    assert compressor.compress_documents([], "anything") == []
