"""The frozen values that flow through Sluice, in the order a question meets them.

Question -> Retrieved (candidates) -> Scored -> GateResult (decisions) -> Context -> Answer -> Trace.

Read the rooms in that order: `library`, `retrieval`, `scoring`, `money`, `gate`, `answer`; each imports only those
before it. Everybody else imports the names from here.

Standard library only: everything else in the project may import this package, and it imports nothing of ours.
"""

from app.domain.answer import Answer, Context, Passage, Trace
from app.domain.gate import Decision, DecisionKind, GatePolicy, GateResult, Judged, Outcome, Refusal, RefusalCode
from app.domain.library import Chunk, Condition, Document, Filter, LibraryInfo, Metadata, Scalar, same_place
from app.domain.money import Charge, Usage, total_usd
from app.domain.retrieval import Candidate, Question, RetrievalMode, Retrieved, Turn
from app.domain.scoring import (
    Attempt,
    CalibrationKind,
    FirstLook,
    Judgement,
    Scale,
    Score,
    Scored,
    ScorerId,
    ScorerProfile,
    ScorerRun,
    ScorerStatus,
    Shares,
    Span,
)

__all__ = [
    "Answer",
    "Attempt",
    "CalibrationKind",
    "Candidate",
    "Charge",
    "Chunk",
    "Condition",
    "Context",
    "Decision",
    "DecisionKind",
    "Document",
    "Filter",
    "FirstLook",
    "GatePolicy",
    "GateResult",
    "Judged",
    "Judgement",
    "LibraryInfo",
    "Metadata",
    "Outcome",
    "Passage",
    "Question",
    "Refusal",
    "RefusalCode",
    "RetrievalMode",
    "Retrieved",
    "Scalar",
    "Scale",
    "Score",
    "Scored",
    "ScorerId",
    "ScorerProfile",
    "ScorerRun",
    "ScorerStatus",
    "Shares",
    "Span",
    "Trace",
    "Turn",
    "Usage",
    "same_place",
    "total_usd",
]
