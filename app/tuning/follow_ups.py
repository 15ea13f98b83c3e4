"""Follow-ups made from questions that were asked alone: what a conversation does to retrieval evidence. Pure.

A question's words that it shares with another question about the same document are replaced by "it", and it is asked
after that other question, whose terms `app.stages.rewrite` would carry over where no chat model rewrites it.
"""

from __future__ import annotations

import random
from dataclasses import replace

from app.tuning.calibration_sets import Ask, LibraryPlan
from app.tuning.sources import QuestionSet
from app.words import content_words

CARRIED = 8  # as `app.stages.rewrite` does
_TRIED = 6  # other questions to lean on, until one shares a word


def plan_follow_ups(plan: LibraryPlan, source: QuestionSet, *, questions: int, seed: int = 7) -> LibraryPlan:
    """The same library, asked follow-ups: at most so many of each kind, each after another question about the same
    document. `source` is the set that the plan was made from."""
    generator = random.Random(seed)
    document = _documents(source)
    about: dict[str, list[Ask]] = {}
    for ask in plan.asks:
        if ask.id in document:
            about.setdefault(document[ask.id], []).append(ask)
    made: dict[str, list[Ask]] = {}
    for ask in plan.asks:
        others = [other for other in about.get(document.get(ask.id, ""), ()) if other.id != ask.id]
        tried = (follow_up(o.text, ask) for o in generator.sample(others, min(_TRIED, len(others))))
        first = next((f for f in tried if f is not None), None)
        if first is not None:
            made.setdefault(ask.kind, []).append(first)
    chosen = [f for kind in made.values() for f in generator.sample(kind, min(questions, len(kind)))]
    return replace(
        plan,
        name=f"{plan.name} followed up",
        asks=tuple(chosen),
        group=plan.group or plan.name,
        library=plan.library or plan.name,
    )


def follow_up(before: str, ask: Ask) -> Ask | None:
    """The ask with "it" for the words it shares with the question before; None where it would not lean on that.

    >>> made = follow_up("Who founded Sluice Ltd?", Ask("q", "Where did Sluice Ltd build mills?", "answerable"))
    >>> made.text, made.carried
    ('Where did it build mills?', ('founded', 'sluice', 'ltd'))
    """
    earlier, own = content_words(before), set(content_words(ask.text))
    shared = own & set(earlier)
    if not shared or shared == own:
        return None
    kept: list[str] = []
    for word in ask.text.split():
        parts = content_words(word)
        if not parts or not set(parts) <= shared:
            kept.append(word)
        elif "it" not in kept:
            kept.append("it")
    text = " ".join(kept)
    carried = [word for word in dict.fromkeys(earlier) if word not in content_words(text)]
    return replace(ask, text=text, carried=tuple(carried[:CARRIED]))


def _documents(source: QuestionSet) -> dict[str, str]:
    """Question id to the title of the document that it is about."""
    found = {}
    for asked in source.questions:
        passage = asked.positives[0] if asked.positives else str(asked.extra.get("passage_id", ""))
        if passage in source.passages:
            found[asked.id] = source.passages[passage].title.split(" - ")[0]
    return found
