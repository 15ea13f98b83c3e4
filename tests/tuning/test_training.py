"""The whole recipe on a set of a few passages: mining, training, resuming, quantising, asking."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from app.providers.reranking.onnx_cross_encoder import open_bundled
from app.tuning.export import export, load
from app.tuning.folds import FOLDS
from app.tuning.groups import Group, SetPlan
from app.tuning.loop import TrainPlan, score, train
from app.tuning.losses import LossPlan
from app.tuning.mining import tokenizer
from app.tuning.model import CrossEncoder, ModelPlan, start
from app.tuning.rounds import Run, believable
from app.tuning.train_bundled import command_line, execute, main, planned

SUBJECTS = ("harbour bridge", "coral reef", "steam engine", "paper mill", "night market", "chess club", "wind farm")
PLAN = TrainPlan(steps=4, groups=2, frozen=1, save_every=1)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, prepared_models: Path) -> Path:
    """A question set of fourteen passages about seven subjects, as the training sets are laid out."""
    folder = tmp_path_factory.mktemp("data") / "train_nq"
    folder.mkdir()
    passages, questions, relevant = [], [], ["query_id\tdoc_id\tgrade"]
    for i, subject in enumerate(SUBJECTS):
        for j, (verb, year) in enumerate((("opened", 1930 + i), ("closed", 1970 + i))):
            text = (
                f"The old {subject} was {verb} in {year}. Many people came to see it. " + "It rained all day long. " * 6
            )
            passages.append({"id": f"p{i}{j}", "title": subject.title(), "text": text})
            questions.append({"id": f"q{i}{j}", "text": f"when was the old {subject} {verb}", "answerable": True,
                              "answers": [str(year)]})  # fmt: skip
            relevant.append(f"q{i}{j}\tp{i}{j}\t1")
    for name, rows in (("corpus", passages), ("queries", questions)):
        (folder / f"{name}.jsonl").write_text("\n".join(json.dumps(r) for r in rows), encoding="utf-8")
    (folder / "qrels.tsv").write_text("\n".join(relevant) + "\n", encoding="utf-8")
    return folder.parent


def _run(data: Path, out: Path) -> Run:
    second = replace(PLAN, skip=8, doubt=1.0)
    sets = {"train_nq": SetPlan(10, 40, True)}
    return Run(data=data, out=out, model=ModelPlan(layers=1), first=PLAN, second=second, distil=True, sets=sets)


def test_the_recipe_runs_from_question_sets_to_a_scorer(data: Path, tmp_path: Path) -> None:
    folder = execute(_run(data, tmp_path))
    assert folder is not None
    assert (folder / "model.onnx").stat().st_size < 30e6
    scorer = open_bundled(folder)
    assert scorer.profile.id.precision == "int8-rows-1"
    question = "when was the old coral reef opened"
    passages = ["The old coral reef was opened in 1931.", "The night market sells noodles."]
    bundled = [s.raw for s in scorer.score(question, passages)]
    trained = score(load(tmp_path / "round2.pt"), [(question, p) for p in passages])
    assert bundled[0] is not None
    assert bundled[1] is not None
    assert bundled[0] > bundled[1]
    assert bundled == pytest.approx(trained, abs=0.3)


def test_a_stopped_run_goes_on_where_it_was(data: Path, tmp_path: Path) -> None:
    stopped = replace(_run(data, tmp_path), second=None, deadline=0.0)
    assert execute(stopped) is None
    state = torch.load(tmp_path / "round1.ckpt")
    assert state["step"] == 1
    assert execute(replace(stopped, deadline=float("inf"))) is not None
    assert torch.load(tmp_path / "round1.ckpt")["step"] == PLAN.steps


def test_resuming_gives_the_same_weights_as_never_stopping(tmp_path: Path) -> None:
    groups = [
        Group("x", f"when was the {s} opened", (f"The {s} was opened in 1930.", f"The {s} is red."),
              ("positive", "hard"), (0.5, 0.4), (0.5, 0.4))
        for s in SUBJECTS
    ]  # fmt: skip

    def trained(name: str, *, stop: bool) -> CrossEncoder:
        torch.manual_seed(0)
        model = start(ModelPlan(layers=1))
        path = tmp_path / name
        if stop:
            assert not train(model, groups, PLAN, LossPlan(), path, until=0.0)
            model = start(ModelPlan(layers=1))
        assert train(model, groups, PLAN, LossPlan(), path)
        return model

    whole, resumed = trained("a", stop=False).state_dict(), trained("b", stop=True).state_dict()
    assert all(torch.allclose(whole[name], resumed[name], atol=1e-5) for name in whole)
    untouched = start(ModelPlan(layers=1)).state_dict()
    assert not torch.allclose(whole["mix"], untouched["mix"])


def test_the_float_graph_gives_the_models_own_numbers(tmp_path: Path) -> None:
    torch.manual_seed(1)
    model = start(ModelPlan(layers=2)).eval()
    torch.nn.init.normal_(model.out.weight, std=0.1)
    torch.nn.init.normal_(model.weigh.weight, std=0.1)
    model.mix.data = torch.tensor([3.0, 9.0])
    session = onnxruntime.InferenceSession(str(export(model, tmp_path / "m.onnx")))
    pair = tokenizer(64).encode("who built it", "It was built by a crew of thirty.")
    ids, types = np.array([pair.ids]), np.array([pair.type_ids])
    given = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": types}
    with torch.inference_mode():
        wanted = float(model(*(torch.tensor(given[n]) for n in ("input_ids", "attention_mask", "token_type_ids"))))
    assert session.run(None, given)[0].shape == (1, 1)
    assert float(session.run(None, given)[0][0, 0]) == pytest.approx(wanted, abs=1e-3)


def test_threads_change_no_weight(tmp_path: Path) -> None:
    groups = [
        Group("x", f"when was the {s} opened", (f"The {s} was opened in 1930.", f"The {s} is red. " * n),
              ("positive", "hard"), (0.5, 0.5), (0.5, 0.5)) for n, s in enumerate(SUBJECTS, 1)
    ]  # fmt: skip
    before = torch.get_num_threads()
    states: list[dict[str, torch.Tensor]] = []
    try:
        for threads in (2, 2, 1):
            torch.set_num_threads(threads)
            torch.manual_seed(0)
            model = start(ModelPlan(layers=1))
            plan = replace(PLAN, steps=2, frozen=0, micro_tokens=64)
            assert train(model, groups, plan, LossPlan(), tmp_path / f"{len(states)}.ckpt")
            assert torch.get_num_threads() == threads  # a second round, or the next variant, is as fast
            states.append(model.state_dict())
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert all(torch.allclose(states[0][name], states[2][name], atol=1e-4) for name in states[0])


def test_padding_changes_no_score() -> None:
    model = start(ModelPlan(layers=1))
    short, long = ("a question here", "a short text"), ("a question here", "a much longer text " * 20)
    assert score(model, [short, long])[0] == pytest.approx(score(model, [short])[0], abs=0.05)


def test_negatives_the_teacher_believes_are_dropped_and_edited_ones_stay() -> None:
    group = Group("x", "q", ("p", "h1", "h2", "g"), ("positive", "hard", "hard", "gap"), (0.0,) * 4, (0.0,) * 4)
    teacher = {("q", "p"): 1.0, ("q", "h1"): 2.5, ("q", "h2"): 1.5, ("q", "g"): 9.0}
    assert believable(group, teacher).texts == ("p", "h2", "g")
    assert believable(group, {}) == group


def test_a_folder_without_training_sets_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", str(tmp_path), "--out", str(tmp_path / "out"), "--smoke"]) == 1
    assert "--data names the folder" in capsys.readouterr().err


def test_a_model_can_be_kept_from_one_kind_of_document(tmp_path: Path) -> None:
    asked = ["--data", str(tmp_path), "--out", str(tmp_path)]
    whole = planned(command_line().parse_args(asked)).sets
    without = planned(command_line().parse_args([*asked, "--without-fold", "biomedical"])).sets
    assert whole.keys() - without.keys() == FOLDS["biomedical"]
    assert all(without[name] == whole[name] for name in without)
