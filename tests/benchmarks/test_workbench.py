"""Which side of the calibration a question of dev_squad2 is on."""

from __future__ import annotations

from app.evaluation.questions.model import LabelledQuestion, QuestionSet
from tests.benchmarks.workbench import halves


def test_articles_a_to_m_calibrate_and_n_to_z_test_with_as_many_of_each_kind() -> None:
    asked = tuple(
        LabelledQuestion(f"{title} {n}", "who?", answerable=n % 3 == 0, sources=(title,))
        for title in ("Geology", "1973 oil crisis", "Normans", "Rhine")
        for n in range(30)
    )
    sample = halves("dev", QuestionSet("dev", asked), 12).questions
    assert {(q.sources[0] < "N", q.split) for q in sample} == {(True, "calibration"), (False, "test")}
    counts = [(side, yes, sum(q.split == side and q.answerable is yes for q in sample))
              for side in ("calibration", "test") for yes in (True, False)]  # fmt: skip
    assert [count for _, _, count in counts] == [12, 12, 12, 12]
    assert halves("dev", QuestionSet("dev", asked), 12).questions == sample
