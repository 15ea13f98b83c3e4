"""The report of a run: its numbers, its words, and files that open anywhere."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import Any

import pytest

from app.evaluation.against import ConfigurationCheck, check_lines
from app.evaluation.figures import estimate, p_value, share
from app.evaluation.intervals import Estimate, share_interval
from app.evaluation.plain_values import report_to_json
from app.evaluation.records import QuestionRecord
from app.evaluation.regressions import check_regressions
from app.evaluation.render import as_html, as_markdown
from app.evaluation.report import Report, report_of
from app.evaluation.sections import sections_of
from tests.evaluation.asking import manifest
from tests.evaluation.cases import KEPT, question

TIMES = {"retrieve": 5.0, "score": 140.0, "total": 150.0}


def better(count: int = 30, **values: Any) -> list[QuestionRecord]:
    """Questions on which reranking takes the relevant passage from the second place to the first, and one without an
    answer that is refused."""
    asked = [
        question(f"q{n}", "abcd", "a", before="bacd" if n % 2 else "abcd", admitted="ab", timings_ms=TIMES, **values)
        for n in range(count)
    ]
    return [*asked, question("no", "abcd", (), before="bacd", timings_ms=TIMES)]


def off(records: list[QuestionRecord]) -> list[QuestionRecord]:
    """The same without a reranker: retrieval order, everything kept by rank."""
    return [
        replace(r, arms={"off": r.arms["off"]}, scorer=None, status="skipped", timings_ms={"retrieve": 5.0})
        for r in records
    ]


def report(**records: list[QuestionRecord]) -> Report:
    return report_of(manifest(31, *records), records, not_located=2, weak=3)


def test_the_first_line_is_the_verdict_of_the_first_reranker() -> None:
    found = report(none=off(better()), mine=better())
    assert found.headline == "mine"
    assert found.first_line.startswith("Reranking helps here: nDCG@10 .82 -> 1.00 (+.18, 95% ")
    assert found.first_line.endswith("for 140 ms a question")
    assert as_markdown(found).splitlines()[0] == found.first_line
    assert f"<h1>{found.first_line.replace('>', '&gt;')}</h1>" in as_html(found)
    assert found.of("none").verdict.kind == "not_reranked"
    with pytest.raises(KeyError):
        found.of("nothing")


def test_numbers_of_the_report_are_those_of_the_measures() -> None:
    main = report(mine=better(4)).main
    change = main.change("off", "reranked")
    assert change is not None and (change.wins, change.losses, change.ties) == (2, 0, 2)
    assert main.change("off", "gated") is None
    assert main.ranking["reranked"]["P@1"] == Estimate(1.0, 1.0, 1.0, 4)
    assert [m.change for m in main.moved] == pytest.approx([1 - 0.6309, 1 - 0.6309], abs=1e-4)
    assert (main.labelled, main.answerable, main.unanswerable, main.missing) == (4, 4, 1, 26)
    assert main.gate.refusals.wrong_answers is not None and main.gate.refusals.wrong_answers.value == 0.0
    assert main.curves is not None and main.curves.f1.shape == (len(main.curves.keep_above), 1)
    assert main.cost.stages["score"].p50 == 140.0


def test_final_orders_are_compared_with_the_first_configuration() -> None:
    found = report(none=off(better()), mine=better())
    [against] = found.against_first
    assert against.configuration == "mine" and against.difference.wins == 15


def test_what_is_sent_is_compared_with_the_same_search_without_a_reranker() -> None:
    """F1 of the admitted is 2/5 where all four are sent and 2/3 where two are; tokens are ten a passage."""
    asked = better(20)
    everything = [
        replace(r, candidates=tuple(replace(c, decision=KEPT, in_context=True) for c in r.candidates), tokens_sent=40)
        for r in asked
        if r.labelled
    ]
    found = report(none=off(everything), mine=asked)
    [sent] = found.sent
    assert (sent.configuration, sent.baseline) == ("mine", "none") and sent.f1.better
    told = (
        "What the gate sends, mine against none: better; F1 of the admitted .40 -> .67 (+.27, 95% .27 to .27); "
        "wrong refusals .00 -> .00; passages a question 4.0 -> 2.0; tokens 40 -> 20."
    )
    markdown = as_markdown(found)
    assert told in markdown and told.replace(">", "&gt;") in as_html(found)
    assert "final order" not in markdown  # the same numbers as in the table
    assert markdown.count(found.first_line) == 1
    assert report(mine=asked).sent == ()
    alike = report(none=off(asked), mine=asked)
    assert "mine against none: no different beyond noise; F1 of the admitted .67 -> .67" in as_markdown(alike)


def test_words_and_tables_say_what_was_left_out() -> None:
    markdown = as_markdown(report(none=off(better(29)), mine=better()))
    assert "2 questions with labels that are not in the library" in markdown
    assert "3 weak questions: nobody has judged them" in markdown
    assert "none: 1 question without a record" in markdown
    assert "| wrong answers, of unanswerable questions | .00 (.00 to .79) of 1 |" in markdown
    assert "not known" in markdown  # what it costs, since nothing says so


def test_the_html_file_needs_nothing_else() -> None:
    html = as_html(report(none=off(better()), mine=better()))
    assert not re.search(r"https?://|<script|<link|@import|url\(", html)
    assert "color-scheme: light dark" in html and 'name="viewport"' in html
    drawings = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    assert len(drawings) >= 7
    for drawing in drawings:
        element = ET.fromstring(drawing)
        assert element.attrib["aria-label"] and element.attrib["viewBox"].startswith("0 0 360 ")
        assert not re.search(r'="[^"]*(nan|inf)', drawing)


def test_questions_are_shown_as_text() -> None:
    evil = "</table><script>alert(1)</script> | a [link](x) *b*"
    found = report(mine=better(text=evil))
    assert "<script" not in as_html(found) and "&lt;script&gt;" in as_html(found)
    markdown = as_markdown(found)
    assert "<script" not in markdown and "\\| a \\[link](x) \\*b\\*" in markdown


def test_the_report_is_json_without_numbers_that_are_none() -> None:
    written = json.dumps(report_to_json(report(none=off(better()), mine=better())), allow_nan=False)
    read = json.loads(written)
    assert (read["schema"], read["headline"], read["configurations"][1]["failures"]["counts"]["NONE"]) == (
        1,
        "mine",
        31,
    )


def test_a_run_that_has_only_begun_has_a_report() -> None:
    for records in ([], better(2)[:2], [question("no", "ab", (), before="ba")]):
        found = report(mine=records)
        assert found.first_line.startswith(("Not enough questions", "Nothing was reranked"))
        assert as_html(found) and as_markdown(found) and sections_of(found)
        json.dumps(report_to_json(found), allow_nan=False)


def test_figures() -> None:
    assert estimate(None) == "-" and estimate(Estimate(0.5, None, None, 1)) == ".50"
    assert estimate(Estimate(0.7, 0.64, 0.756, 9)) == ".70 (.64 to .76)"
    assert share(share_interval(0, 10)) == ".00 (.00 to .28) of 10"
    assert [p_value(p) for p in (0.05, 0.0009, 0.9999)] == [".050", "< .001", "1.00"]


# -- against a baseline ----------------------------------------------------------------------------


def checked(before: list[QuestionRecord], now: list[QuestionRecord]) -> tuple[ConfigurationCheck, ...]:
    return (ConfigurationCheck("mine", "mine", check_regressions(before, now)),)


def test_the_same_again_is_not_worse() -> None:
    checks = checked(better(), better())
    assert not checks[0].check.failed
    assert check_lines(checks)[0] == "Not worse than the baseline beyond noise"


def test_what_became_worse_is_named() -> None:
    refusing = [replace(r, refused=True) if r.answerable else r for r in better()]
    checks = checked(better(), refusing)
    assert checks[0].check.failed
    lines = check_lines(checks)
    assert lines[0] == "Worse than the baseline: gate F1 of mine; wrong refusals of mine"
    assert any(line.startswith("  wrong refusals  .00 -> 1.00") and line.endswith("WORSE") for line in lines)


def test_a_reranker_that_changes_nothing_fails_the_comparison() -> None:
    phantom = [question(f"q{n}", "abcd", "a", admitted="a") for n in range(6)]
    checks = checked(phantom, phantom)
    assert checks[0].check.failed and "may never have run" in check_lines(checks)[0]
    few = checked(phantom[:4], phantom[:4])
    assert not few[0].check.failed
    assert check_lines(few)[0] == "Not worse than the baseline beyond noise"
    assert any("no order of 4: too few to say that it never ran, 5 are needed" in line for line in check_lines(few))
