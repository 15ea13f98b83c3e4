"""How right an answer is against known answers, and how well it cites. Pure.

Exact match and token F1 as SQuAD's evaluation has them (Rajpurkar et al. 2016, arXiv 1606.05250; with questions
without an answer, 2018, arXiv 1806.03822): lower case, no punctuation, no English articles, the best over the known
answers. Citation precision and recall after ALCE (Gao et al. 2023, arXiv 2305.14627), with labels in the place of its
entailment model: a citation is right when the passage it points to is labelled relevant.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from app.domain import Answer
from app.evaluation.intervals import Estimate, mean_interval
from app.evaluation.records import AnswerRecord, QuestionRecord
from app.words import words

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_CITATION = re.compile(r"\s?\[\d+\]")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalised(text: str) -> str:
    """SQuAD's normal form, citations `[n]` removed first.

    >>> normalised("The  U.S. Navy's ship [2]")
    'us navys ship'
    """
    plain = _CITATION.sub("", text).lower().translate(_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", plain).split())


def exact_match(answer: str, known: Sequence[str]) -> float | None:
    """1.0 when the answer is one of the known ones in normal form, else 0.0; None without known answers."""
    return _best(answer, known, lambda a, k: float(a == k))


def token_f1(answer: str, known: Sequence[str]) -> float | None:
    """The best F1 (0..1) of shared words, counted with repeats; None without known answers.

    Where the answer or the known one has no words left, they must agree, as in SQuAD 2.0.
    """

    def f1(said: str, right: str) -> float:
        mine, theirs = said.split(), right.split()
        if not mine or not theirs:
            return float(mine == theirs)
        shared = sum((Counter(mine) & Counter(theirs)).values())
        return 2.0 * shared / (len(mine) + len(theirs))

    return _best(answer, known, f1)


def contains_answer(answer: str, known: Sequence[str]) -> bool | None:
    """Whether the words of a known answer occur in the answer, in a row; None without known answers.

    The fit measure for answers in sentences, which exact match would all call wrong. Words are those of lexical
    search (figures, accents and scripts without word breaks as there), without English articles.
    """
    if not known:
        return None
    said = _words(answer)
    return any(_occurs(_words(k), said) for k in known)


@dataclass(frozen=True, slots=True)
class CitationMeasures:
    """Shares 0..1. Precision: of the citations, those that point to a relevant passage; None where nothing was cited.
    Recall: of the relevant passages in the context, those that were cited; None where there was none.
    """

    precision: float | None
    recall: float | None


def citation_measures(cited: Sequence[int], unknown: Sequence[int], relevant: Sequence[bool]) -> CitationMeasures:
    """`relevant[n - 1]` says whether passage n of the context is; `unknown` citations exist nowhere and are wrong.

    Raises IndexError when `cited` names a passage that is not in the context: those belong to `unknown`.
    """
    distinct, missing = set(cited), len(set(unknown))
    if any(n < 1 for n in distinct):
        raise IndexError("citations are numbered from 1")
    right = sum(relevant[n - 1] for n in distinct)
    said, there = len(distinct) + missing, sum(relevant)
    return CitationMeasures(right / said if said else None, right / there if there else None)


def answer_record(answer: Answer, known: Sequence[str], relevant: Sequence[bool]) -> AnswerRecord:
    """What an answer was worth. `relevant[n - 1]`: whether passage n of its context is; `known`: right answers, if any.

    It is correct when it holds a known answer. The grader's measures are added with `dataclasses.replace`, and its
    verdict where no answer is known.
    """
    cited = citation_measures(answer.citations, answer.unknown_citations, relevant)
    holds = contains_answer(answer.text, known)
    return AnswerRecord(
        text=answer.text,
        exact_match=exact_match(answer.text, known),
        f1=token_f1(answer.text, known),
        contains=holds,
        citation_precision=cited.precision,
        citation_recall=cited.recall,
        correct=holds,
    )


@dataclass(frozen=True, slots=True)
class AnswerMeasures:
    """Means over the answers of one arm for which each could be told; None where it could for none. Shares 0..1.

    `graded` answers have a grade, `without_claims` of them make no claim that could be faithful; `not_graded` counts
    the others that a grader was asked about, by reason.
    """

    answers: int
    exact_match: Estimate | None
    f1: Estimate | None
    contains: Estimate | None
    correct: Estimate | None
    citation_precision: Estimate | None
    citation_recall: Estimate | None
    faithful: Estimate | None
    relevant: Estimate | None
    graded: int = 0
    without_claims: int = 0
    not_graded: Mapping[str, int] = field(default_factory=dict)


def answer_measures(records: Iterable[QuestionRecord], arm: str = "gated") -> AnswerMeasures:
    """The answers of an arm over a question set. A refused question has no answer and is not among them."""
    answers = [r.answers[arm] for r in records if arm in r.answers]

    def mean(values: Sequence[float | None]) -> Estimate | None:
        return mean_interval([float(v) for v in values if v is not None])

    return AnswerMeasures(
        answers=len(answers),
        exact_match=mean([a.exact_match for a in answers]),
        f1=mean([a.f1 for a in answers]),
        contains=mean([a.contains for a in answers]),
        correct=mean([a.correct for a in answers]),
        citation_precision=mean([a.citation_precision for a in answers]),
        citation_recall=mean([a.citation_recall for a in answers]),
        faithful=mean([a.faithful for a in answers]),
        relevant=mean([a.relevant for a in answers]),
        graded=sum(a.relevant is not None for a in answers),
        without_claims=sum(a.relevant is not None and a.faithful is None for a in answers),
        not_graded=dict(Counter(a.not_graded for a in answers if a.not_graded is not None)),
    )


def _best(answer: str, known: Sequence[str], measure: Callable[[str, str], float]) -> float | None:
    said = normalised(answer)
    return max((measure(said, normalised(k)) for k in known), default=None)


def _words(text: str) -> list[str]:
    return [word for word in words(_CITATION.sub("", text)) if word not in ("a", "an", "the")]


def _occurs(run: Sequence[str], said: Sequence[str]) -> bool:
    return bool(run) and any(said[at : at + len(run)] == run for at in range(len(said) - len(run) + 1))
