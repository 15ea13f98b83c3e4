"""Question sets: what they are, how they are read, located in a library, drafted and split (docs/question-sets.md)."""

from app.evaluation.questions.model import Label, LabelledQuestion, Origin, QuestionSet, QuestionSetError, Side
from app.evaluation.questions.read import read_questions
from app.evaluation.questions.resolve import Located, Resolution, Resolved, resolve
from app.evaluation.questions.write import write_questions

__all__ = [
    "Label",
    "LabelledQuestion",
    "Located",
    "Origin",
    "QuestionSet",
    "QuestionSetError",
    "Resolution",
    "Resolved",
    "Side",
    "read_questions",
    "resolve",
    "write_questions",
]
