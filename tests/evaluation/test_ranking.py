"""Ranking measures: by hand, and against plain definitions on a run over real questions."""

from __future__ import annotations

import json
from math import log2

import ir_measures
import pytest
from ir_measures import SetF, SetP, SetR

from app.evaluation.measures_gate import set_counts
from app.evaluation.measures_ranking import MEASURES, means, ndcg_ceiling, ranked, ranking, recall_ceiling
from app.evaluation.orders import PHANTOM_FROM, check_order, overlap_at, tau_between, tau_of, taus
from app.words import content_words
from tests.benchmarks.datasets import DATA
from tests.evaluation.cases import question


def test_graded_labels_and_missed_passages_by_hand() -> None:
    # relevant: b (grade 1) at 2, c (2) at 3; z (1) was never found and counts in the ideal
    record = question(order="abcd", relevant={"b": 1, "c": 2, "z": 1}, before="dcba")
    after, before = ranking([record], "reranked"), ranking([record], "off")
    gained = 1 / log2(3) + 2 / log2(4)
    ideal = 2 / log2(2) + 1 / log2(3) + 1 / log2(4)
    assert after["nDCG@10"]["q"] == pytest.approx(gained / ideal)
    assert after["nDCG@3"]["q"] == pytest.approx(gained / ideal)
    assert after["MRR@10"]["q"] == 0.5
    assert after["P@1"]["q"] == 0.0
    assert after["P@3"]["q"] == pytest.approx(2 / 3)
    assert after["P@5"]["q"] == pytest.approx(2 / 5)
    assert after["Recall@5"]["q"] == pytest.approx(2 / 3)
    assert before["nDCG@10"]["q"] == pytest.approx((2 / log2(3) + 1 / log2(4)) / ideal)
    assert recall_ceiling([record]) == {"q": pytest.approx(2 / 3)}
    assert ndcg_ceiling([record]) == {"q": pytest.approx((2 + 1 / log2(3)) / ideal)}


def test_refused_questions_score_nothing_and_unlabelled_ones_are_left_out() -> None:
    records = [question("refused"), question("kept", admitted="a"), question("no label", relevant=())]
    gated = ranking(records, "gated")
    assert gated["nDCG@10"] == {"refused": 0.0, "kept": 1.0}
    found = means(gated)["P@1"]
    assert found is not None and (found.value, found.n) == (0.5, 2)
    assert means(ranking([], "off"))["P@1"] is None
    with pytest.raises(KeyError):
        ranking(records, "no such arm")


def test_the_order_given_is_the_order_measured() -> None:
    # trec_eval breaks ties by id: a hundred candidates must keep theirs
    order = [f"{n:03}" for n in range(100)]
    found = ranked({"q": order}, {"q": {"049": 1}}, ("Recall@50", "Recall@20"))
    assert (found["Recall@50"]["q"], found["Recall@20"]["q"]) == (1.0, 0.0)
    assert ranked({"q": order[::-1]}, {"q": {"049": 1}}, ("Recall@50",))["Recall@50"]["q"] == 0.0


@pytest.mark.shared
@pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is not here")
def test_a_run_over_a_dev_set_measures_as_the_definitions_say() -> None:
    orders, relevant = _run_over("dev_mtragun", 120)
    found = ranked(orders, relevant)
    assert sum(len(r) > 1 for r in relevant.values()) > 20  # several relevant passages, some of them not found
    for q, order in orders.items():
        expected = _by_definition(order, relevant[q])
        for measure in MEASURES:
            assert found[measure][q] == pytest.approx(expected[measure]), (measure, q)
    _sets_as_trec_eval(orders, relevant)


def _run_over(name: str, questions: int) -> tuple[dict[str, list[str]], dict[str, dict[str, int]]]:
    """A crude lexical run: fifty passages by the number of shared words."""
    folder = DATA / name
    with (folder / "corpus.jsonl").open(encoding="utf-8") as file:
        corpus = {row["id"]: frozenset(content_words(row["text"])) for row in map(json.loads, file)}
    relevant: dict[str, dict[str, int]] = {}
    with (folder / "qrels.tsv").open(encoding="utf-8") as file:
        for line in list(file)[1:]:
            query, passage, grade = line.split("\t")
            if int(grade) > 0:
                relevant.setdefault(query, {})[passage] = int(grade)
    with (folder / "queries.jsonl").open(encoding="utf-8") as file:
        texts = {row["id"]: row["text"] for row in map(json.loads, file) if row["id"] in relevant}
    chosen = sorted(texts)[:questions]
    orders = {}
    for q in chosen:
        words = frozenset(content_words(texts[q]))
        orders[q] = sorted(corpus, key=lambda passage: (-len(words & corpus[passage]), passage))[:50]
    return orders, {q: relevant[q] for q in chosen}


def _by_definition(order: list[str], relevant: dict[str, int]) -> dict[str, float]:
    grades = [relevant.get(passage, 0) for passage in order]
    ideal = sorted(relevant.values(), reverse=True)

    def dcg(gains: list[int], k: int) -> float:
        return sum(gain / log2(rank + 1) for rank, gain in enumerate(gains[:k], 1))

    expected = {f"nDCG@{k}": dcg(grades, k) / dcg(ideal, k) for k in (3, 5, 10)}
    expected["MRR@10"] = next((1 / rank for rank, grade in enumerate(grades[:10], 1) if grade), 0.0)
    expected |= {f"P@{k}": sum(g > 0 for g in grades[:k]) / k for k in (1, 3, 5)}
    return expected | {f"Recall@{k}": sum(g > 0 for g in grades[:k]) / len(relevant) for k in (5, 20, 50)}


def _sets_as_trec_eval(orders: dict[str, list[str]], relevant: dict[str, dict[str, int]]) -> None:
    qrels = [ir_measures.Qrel(q, p, g) for q, grades in relevant.items() for p, g in grades.items()]
    run = [ir_measures.ScoredDoc(q, p, -float(at)) for q, order in orders.items() for at, p in enumerate(order[:4])]
    theirs = {(m.query_id, str(m.measure)): m.value for m in ir_measures.iter_calc([SetP, SetR, SetF], qrels, run)}
    for q, order in orders.items():
        ours = set_counts(question(q, relevant=relevant[q]), order[:4])
        assert ours.precision == pytest.approx(theirs[q, "SetP"])
        assert ours.recall == pytest.approx(theirs[q, "SetR"])
        assert ours.f1 == pytest.approx(theirs[q, "SetF"])


def test_kendall_and_overlap_by_hand() -> None:
    # abcd -> bacd: one of six pairs is turned round
    assert tau_of(question(order="bacd", before="abcd")) == pytest.approx(4 / 6)
    assert taus([question("1"), question("2", order="a", ps=[0.5])]) == {"1": 1.0}
    assert tau_between("abcd", "dcba") == -1.0
    assert tau_between("a", "a") is None
    assert overlap_at("abcdefg", "bcdexyz") == pytest.approx(4 / 5)
    assert overlap_at("ab", "ba") == 1.0
    assert overlap_at("", "ab") is None
    for other in ("abx", "abcc", "ab"):
        with pytest.raises(ValueError, match="same ids"):
            tau_between("abc", other)


def test_a_phantom_reranker_is_found_only_where_one_should_have_run() -> None:
    same, moved = question("1"), question("2", order="bacd", before="abcd")
    assert check_order([same] * PHANTOM_FROM).phantom and not check_order([same] * PHANTOM_FROM).too_few
    found = check_order([same] * PHANTOM_FROM + [moved])
    assert (found.questions, found.unchanged, found.phantom, found.too_few) == (6, 5, False, False)
    assert not check_order([]).phantom and not check_order([]).too_few
    skipped = question("3", scorer=None, status="skipped")
    lone = question("4", order="a", ps=[0.5])
    assert check_order([skipped, lone]).questions == 0
    few = check_order([same] * (PHANTOM_FROM - 1) + [skipped, lone])  # these two do not fill up the number
    assert few.too_few and not few.phantom
