"""A run against a baseline run: configuration by configuration, what got worse beyond noise. For a CI of one's own."""

from __future__ import annotations

from dataclasses import dataclass

from app.errors import UsageError
from app.evaluation.figures import p_value
from app.evaluation.orders import PHANTOM_FROM
from app.evaluation.regressions import MeasureChange, RegressionCheck, check_regressions
from app.evaluation.run_folder import RunFolder
from app.evaluation.verdict import points


@dataclass(frozen=True, slots=True)
class ConfigurationCheck:
    """One configuration of this run against one of the baseline, by their ids."""

    configuration: str
    baseline: str
    check: RegressionCheck


def check_run(baseline: RunFolder, now: RunFolder) -> tuple[ConfigurationCheck, ...]:
    """Compare the configurations both runs have; where they share none and each has one reranker, those two.

    Raises UsageError when there is nothing to compare, RecordDamaged.
    """
    before = {c.id: c for c in baseline.manifest.configurations}
    pairs = [(c.id, c.id) for c in now.manifest.configurations if c.id in before]
    if not pairs:
        ours, theirs = ([c.id for c in run.manifest.configurations if c.scorer is not None] for run in (now, baseline))
        if len(ours) != 1 or len(theirs) != 1:
            raise UsageError(
                f"{baseline.path} has none of these configurations: it has {', '.join(before)}.",
                hint="Leave out QUESTIONS and the other options: the baseline's are taken.",
            )
        pairs = [(ours[0], theirs[0])]
    return tuple(
        ConfigurationCheck(own, other, check_regressions(baseline.records(other), now.records(own)))
        for own, other in pairs
    )


def check_lines(checks: tuple[ConfigurationCheck, ...]) -> list[str]:
    """The comparison in words; the first line says whether anything got worse."""
    worse = [(c, change) for c in checks for change in c.check.worse]
    phantoms = [c for c in checks if c.check.order.phantom]
    if worse or phantoms:
        said = [f"{change.name} of {c.configuration}" for c, change in worse]
        said += [f"{c.configuration} changes nothing: its reranker may never have run" for c in phantoms]
        lines = [f"Worse than the baseline: {'; '.join(said)}"]
    else:
        lines = ["Not worse than the baseline beyond noise"]
    for c in checks:
        lines.append(c.configuration if c.configuration == c.baseline else f"{c.configuration}, was {c.baseline}")
        lines += [f"  {_told(change)}" for change in c.check.changes]
        if c.check.order.too_few:
            lines.append(
                f"  the reranker changed no order of {c.check.order.questions}: too few to say that it never ran, "
                f"{PHANTOM_FROM} are needed"
            )
        if c.check.missing:
            lines.append(f"  not compared, nothing is labelled for it: {', '.join(c.check.missing)}")
    return lines


def _told(change: MeasureChange) -> str:
    said = f"{change.name:<15} {points(change.before.value)} -> {points(change.after.value)}"
    if change.change is not None and change.change.low is not None and change.change.high is not None:
        c = change.change
        said += f" ({points(c.value, sign=True)}, 95% {points(change.change.low)} to {points(change.change.high)}"
        said += "" if change.p_value is None else f", p {p_value(change.p_value)}"
        said += ")" if change.paired else "; other questions)"
    return said + ("  WORSE" if change.worse else "  better" if change.better else "")
