"""`sluice tune` from end to end on a real set where tuning itself wins: questions about annual reports.

It trains, exports, calibrates and judges for a quarter of an hour on an idle core, so it has to be asked for:

    SLUICE_LONG=1 python -m pytest tests/tuning/test_tune_real.py

These are the reports that nothing was chosen on (half b of dev_tatqa; docs/tuning-a-reranker.md tells how the
configuration was chosen, on half a).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

pytestmark = [
    pytest.mark.shared,
    pytest.mark.timeout(5400),
    pytest.mark.skipif(os.environ.get("SLUICE_LONG") != "1", reason="takes a quarter of an hour: SLUICE_LONG=1"),
]
ASKED = "What was the total revenue in 2019?"


def test_a_reranker_tuned_on_real_labels_wins(tmp_path: Path, shared_data: Path) -> None:
    real = ("--set", "tatqa-context", "--half", "b", "--questions", "800", "--name", "reports", "--seed", "b")
    program = [sys.executable, "-m", "tests.benchmarks.tune_real", "--data", str(shared_data), "--work", str(tmp_path)]
    tuned = subprocess.run([*program, *real], check=False, cwd=ROOT)
    report = json.loads((tmp_path / "tuned" / "reports" / "report.json").read_text(encoding="utf-8"))
    assert tuned.returncode == 0, report["verdict"]
    over = {row["arm"]: row["difference"] for row in report["outcome"]["against"]}
    assert set(over) == {"off", "evidence", "current", "base"}
    assert all(over[arm]["change"]["low"] > 0.0 and over[arm]["p_value"] <= 0.05 for arm in over if arm != "base")
    assert over["base"]["change"]["value"] > 0.0  # tuning's own part; over both halves together it is beyond noise
    _is_offered_and_used(tmp_path, report["scorer"])


def _is_offered_and_used(home: Path, scorer_id: str) -> None:
    here = {**os.environ, "SLUICE_HOME": str(home), "LIBRARY": "dev-tatqa"}
    listed = _said(here, "models", "list", "--json")
    assert "tuned:reports" in {choice["name"] for choice in listed["choices"] if choice["available"]}
    scorer = _said(here, "ask", ASKED, "--reranker", "tuned:reports", "--json")["scorer"]
    assert (scorer["status"], scorer["used"], scorer["calibration"]) == ("applied", scorer_id, "here")


def _said(environment: dict[str, str], *command: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "app", *command],
        env=environment, check=False, capture_output=True, encoding="utf-8", cwd=ROOT,
    )  # fmt: skip
    assert done.returncode in (0, 3), done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found
