"""The training sets by kind of document: what a model is kept from seeing, to learn how it does on strange ones. Pure.

A calibration fitted on other documents of the kinds a model was trained on trusts its logits as much as they deserve
*there*. People's libraries are of other kinds. So the recipe is run once more without each kind, and the calibration
is fitted on what those models say about the kind they never saw (cross-fitting; leave-one-domain-out).
"""

from __future__ import annotations

from collections.abc import Mapping

FOLDS: Mapping[str, frozenset[str]] = {
    "biomedical": frozenset({"train_covidqa", "train_medquad"}),
    "stories-and-reports": frozenset({"train_fairytaleqa", "train_policyqa", "train_tatqa"}),
    "encyclopedic": frozenset({"train_nq", "train_selqa", "train_squad11", "train_squadshifts", "dev_squad2"}),
}


def fold_of(name: str) -> str:
    """The fold that a question set belongs to. Raises KeyError for a set of none.

    >>> fold_of("train_covidqa")
    'biomedical'
    """
    for fold, names in FOLDS.items():
        if name in names:
            return fold
    raise KeyError(name)
