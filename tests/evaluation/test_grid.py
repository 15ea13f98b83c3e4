"""Running the grid on a real library: once a retrieval and scorer, resumed, interrupted, refused."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from app.domain import Scale, Score, ScorerId, ScorerProfile
from app.errors import UsageError
from app.evaluation.failures import Failure
from app.evaluation.grid import Failed, Finished, Progress, RunStopped, Started, run_grid
from app.evaluation.plan import Configuration, Plan, plan_run, sampled
from app.evaluation.questions import read_questions
from app.evaluation.records import QuestionRecord, RecordDamaged
from app.evaluation.run_folder import MANIFEST, RunFolder, RunMismatch, next_run, read_run, start
from app.evaluation.run_report import report_of_run, write_report
from tests.conftest import ingest
from tests.evaluation.asking import TestedSluice
from tests.evaluation.towns import TOWNS, questions, write_gazetteer, write_questions
from tests.fakes import BrokenScorer


class Lengths:
    """A pointwise scorer: shorter passages score higher. `asked` are the questions it was asked."""

    def __init__(self, *, fixed_weights: bool = True) -> None:
        identity = ScorerId("fake", "lengths", "rev")
        self.profile = ScorerProfile(identity, "lengths", Scale.BOUNDED, pointwise=True, fixed_weights=fixed_weights)
        self.asked: list[str] = []

    def score(self, question: str, passages: Sequence[str]) -> list[Score]:
        self.asked.append(question)
        return [Score(1.0 / len(passage)) for passage in passages]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, prepared_models: Path) -> Path:
    home = tmp_path_factory.mktemp("grid")
    ingest(home, "--library", "towns", str(write_gazetteer(home)))
    write_questions(home / "set.jsonl", questions(5, 2))
    return home


@pytest.fixture
def sluice(home: Path, prepared_models: Path) -> TestedSluice:
    return TestedSluice(home, prepared_models, {"bundled": Lengths()})


def planned(sluice: TestedSluice, home: Path, **options: object) -> Plan:
    options = {"rerankers": ("none", "bundled"), "retrievals": ("hybrid", "dense"), "candidates": (6,), **options}
    return plan_run(sluice, read_questions(home / "set.jsonl"), **options)  # type: ignore[arg-type]


def lengths(sluice: TestedSluice) -> Lengths:
    scorer = sluice.scorers["bundled"]
    assert isinstance(scorer, Lengths)
    return scorer


def without_times(records: list[QuestionRecord]) -> list[QuestionRecord]:
    return [replace(record, timings_ms={}) for record in records]


def test_every_configuration_gets_every_question(sluice: TestedSluice, home: Path, tmp_path: Path) -> None:
    plan = planned(sluice, home)
    folder = start(tmp_path / "run", plan)
    events = list(run_grid(sluice, plan, folder))
    assert isinstance(events[0], Started) and isinstance(events[-1], Finished)
    assert [e.done for e in events if isinstance(e, Progress)] == [1, 2, 3, 4, 5, 6, 7]
    assert len(lengths(sluice).asked) == 14  # seven questions, two retrievals
    again = read_run(tmp_path / "run")
    assert again.finished and again.manifest == plan.manifest
    for configuration in plan.configurations:
        records = again.records(configuration.id)
        assert [r.id for r in records] == [p.question.id for p in plan.asked]
        assert all(len(r.candidates) == 6 for r in records)
    town = again.records("dense-6-bundled")[0]
    assert list(town.relevant.values()) == [1] and town.relevant.keys() <= {c.passage for c in town.candidates}
    assert set(town.arms) == {"off", "evidence", "reranked"} and town.scorer is not None
    off = again.records("dense-6-none")[0]
    assert off.scorer is None and "reranked" not in off.arms and off.arms["off"] == town.arms["off"]
    assert town.cost_usd == 0.0 and {"embed", "retrieve", "score", "gate", "total"} <= town.timings_ms.keys()
    unanswerable = again.records("hybrid-6-bundled")[-1]
    assert (unanswerable.answerable, unanswerable.labelled) == (False, False)


def test_a_run_that_was_stopped_goes_on_where_it_was(sluice: TestedSluice, home: Path, tmp_path: Path) -> None:
    plan = planned(sluice, home, retrievals=("hybrid",))
    whole = start(tmp_path / "whole", plan)
    list(run_grid(sluice, plan, whole))
    folder = start(tmp_path / "run", plan)
    running = run_grid(sluice, plan, folder)
    for event in running:
        if isinstance(event, Progress) and event.done == 3:
            running.close()
            break
    assert not read_run(tmp_path / "run").finished
    file = tmp_path / "run" / "records" / "hybrid-6-bundled.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    file.write_text("".join(lines[:-1]) + lines[-1][:40], encoding="utf-8")  # as a kill leaves it
    before = len(lengths(sluice).asked)
    events = list(run_grid(sluice, plan, start(tmp_path / "run", planned(sluice, home, retrievals=("hybrid",)))))
    assert isinstance(events[0], Started) and events[0].done == 2
    assert len(lengths(sluice).asked) - before == 5  # the cut one and the four not asked
    for configuration in plan.configurations:
        found = {r.id: r for r in without_times(read_run(tmp_path / "run").records(configuration.id))}
        assert found == {r.id: r for r in without_times(whole.records(configuration.id))}
    assert list(run_grid(sluice, plan, folder))[1:] == [Finished(folder, 0)]


def test_a_folder_of_another_run_is_refused_with_what_differs(sluice: TestedSluice, home: Path, tmp_path: Path) -> None:
    start(tmp_path / "run", planned(sluice, home))
    with pytest.raises(RunMismatch, match="questions.sample: None, now 3") as refused:
        start(tmp_path / "run", planned(sluice, home, sample=3))
    assert "--out" in refused.value.hint
    with pytest.raises(RunMismatch, match="configurations.2.label: lengths, now cross-encoder"):
        other = TestedSluice(home, sluice.settings.models_dir, {})
        start(tmp_path / "run", planned(other, home))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("do not touch", encoding="utf-8")
    with pytest.raises(RunMismatch, match="not empty"):
        start(tmp_path / "mine", planned(sluice, home))


def test_a_line_that_cannot_be_read_is_named(sluice: TestedSluice, home: Path, tmp_path: Path) -> None:
    plan = planned(sluice, home, retrievals=("hybrid",), rerankers=("none",))
    folder = start(tmp_path / "run", plan)
    list(run_grid(sluice, plan, folder))
    file = tmp_path / "run" / "records" / "hybrid-6-none.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    file.write_text(lines[0] + "{}\n" + "".join(lines[2:]), encoding="utf-8")
    with pytest.raises(RecordDamaged, match="line 2"):
        folder.records("hybrid-6-none")


def test_two_processes_never_write_one_run(sluice: TestedSluice, home: Path, tmp_path: Path) -> None:
    plan = planned(sluice, home)
    folder = start(tmp_path / "run", plan)
    with folder.writing(), pytest.raises(UsageError, match="another process"):
        next(run_grid(sluice, plan, folder))


def test_a_reranker_that_keeps_failing_stops_the_run(sluice: TestedSluice, home: Path, tmp_path: Path) -> None:
    sluice.scorers["bundled"] = BrokenScorer({})
    plan = planned(sluice, home, retrievals=("hybrid",))
    folder = start(tmp_path / "run", plan)
    events = []
    with pytest.raises(RunStopped, match="did not answer") as stopped:
        for event in run_grid(sluice, plan, folder):
            events.append(event)
    assert "go on" in stopped.value.hint
    assert [e.configuration for e in events if isinstance(e, Failed)] == ["hybrid-6-bundled"] * 3
    assert len(folder.done("hybrid-6-none")) == 3 and not folder.done("hybrid-6-bundled")


def test_scores_from_the_cache_are_not_timed(home: Path, prepared_models: Path, tmp_path: Path) -> None:
    real = TestedSluice(home, prepared_models, {})
    plan = planned(real, home, rerankers=("local",), retrievals=("hybrid",), candidates=(3,), sample=2)
    assert plan.configurations == (Configuration("hybrid", 3, "late-interaction"),)
    for name in ("first", "second"):
        list(run_grid(real, plan, start(tmp_path / name, plan)))
    first, second = (read_run(tmp_path / name).records("hybrid-3-late-interaction") for name in ("first", "second"))
    assert without_times(first) == without_times(second)
    assert all("score" in r.timings_ms for r in first)
    assert not any({"score", "total"} & r.timings_ms.keys() for r in second)
    assert report_of_run(read_run(tmp_path / "second")).main.scored_from_cache == 2


def test_the_next_run_is_the_interrupted_one_or_a_new_one(sluice: TestedSluice, home: Path, tmp_path: Path) -> None:
    plan = planned(sluice, home, rerankers=("none",), sample=1)
    first = next_run(tmp_path, plan)
    assert first == tmp_path / "runs" / "towns" / "set-1"
    folder = start(first, plan)
    assert next_run(tmp_path, plan) == first
    assert next_run(tmp_path, plan, but=first) == first.with_name("set-2")
    list(run_grid(sluice, plan, folder))
    assert next_run(tmp_path, plan) == first.with_name("set-2")
    (first / MANIFEST).write_text("{}", encoding="utf-8")  # another version's, say
    assert next_run(tmp_path, plan) == first.with_name("set-2")


def test_answers_are_measured_where_they_are_asked_for(home: Path, prepared_models: Path, tmp_path: Path) -> None:
    rows = [{"question": f"What is {TOWNS[0]} known for?", "document": "towns.jsonl", "row": 1, "answers": ["salt"]}]
    asked = read_questions(write_questions(tmp_path / "answers.jsonl", rows))
    real = TestedSluice(home, prepared_models, {})
    plan = plan_run(real, asked, rerankers=("local",), candidates=(3,), answers=True)
    folder = start(tmp_path / "run", plan)
    list(run_grid(real, plan, folder))
    answer = folder.records(plan.configurations[0].id)[0].answers["gated"]
    assert answer.contains is True and answer.citation_precision is not None
    assert report_of_run(folder).main.answers.answers == 1


def test_a_question_that_finds_nothing_takes_no_step_from_the_others(
    sluice: TestedSluice, home: Path, tmp_path: Path
) -> None:
    rows = [*questions(2, 0), {"question": "Xyzzy plugh?", "document": "towns.jsonl", "row": 3}]
    asked = read_questions(write_questions(tmp_path / "odd.jsonl", rows))
    plan = plan_run(sluice, asked, rerankers=("bundled",), retrievals=("lexical",), candidates=(4,))
    folder = start(tmp_path / "run", plan)
    list(run_grid(sluice, plan, folder))
    record = folder.records("lexical-4-bundled")[-1]
    assert record.candidates == () and record.labelled and "score" not in record.timings_ms
    main = report_of_run(folder).main
    assert [step.name for step in main.steps.steps] == ["retrieval", "evidence", "scorer", "gate"]
    assert main.ceiling is not None and main.ceiling.value == pytest.approx(2 / 3)
    assert main.failures.counts[Failure.RETRIEVAL_MISS] == 1


def test_there_must_be_something_to_ask(sluice: TestedSluice, home: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing to ask"):
        planned(sluice, home, rerankers=())
    drawn = sampled(read_questions(home / "set.jsonl"), 3, seed=1)
    assert len(drawn.questions) == 3 and drawn == sampled(read_questions(home / "set.jsonl"), 3, seed=1)
    assert sampled(drawn, 99, seed=1) is drawn


def test_the_report_is_written_beside_the_records(sluice: TestedSluice, home: Path, tmp_path: Path) -> None:
    plan = planned(sluice, home, sample=4)
    folder: RunFolder = start(tmp_path / "run", plan)
    list(run_grid(sluice, plan, folder))
    report = report_of_run(folder)
    files = write_report(folder, report)
    assert report.headline == "hybrid-6-bundled"
    assert files.markdown.read_text(encoding="utf-8").startswith(report.first_line + "\n")
    assert json.loads(files.json.read_text(encoding="utf-8"))["verdict"] == report.first_line


class Waiting(Lengths):
    """A service that takes its time; `most`: questions it had at a time."""

    def __init__(self) -> None:
        super().__init__(fixed_weights=False)
        self.lock = threading.Lock()
        self.now = self.most = 0

    def score(self, question: str, passages: Sequence[str]) -> list[Score]:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.05)
        with self.lock:
            self.now -= 1
        return super().score(question, passages)


def test_services_get_several_questions_at_a_time_and_scorers_here_one(
    home: Path, prepared_models: Path, tmp_path: Path
) -> None:
    service = Waiting()
    waiting = TestedSluice(home, prepared_models, {"bundled": service})
    plan = planned(waiting, home, retrievals=("hybrid",))
    assert plan.at_once == 4
    folder = start(tmp_path / "waiting", plan)
    events = list(run_grid(waiting, plan, folder))
    assert [e.done for e in events if isinstance(e, Progress)] == [1, 2, 3, 4, 5, 6, 7]
    assert 2 <= service.most <= 4
    here = TestedSluice(home, prepared_models, {"bundled": Lengths()})
    alone = planned(here, home, retrievals=("hybrid",))
    assert alone.at_once == 1
    one = start(tmp_path / "alone", alone)
    list(run_grid(here, alone, one))
    for configuration in plan.configurations:
        together, by_one = (without_times(f.records(configuration.id)) for f in (folder, one))
        assert [replace(r, cost_usd=None) for r in together] == [replace(r, cost_usd=None) for r in by_one]
