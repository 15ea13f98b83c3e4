"""Calibrating a scorer on one's own questions: fitted on one part, measured on the other (docs/evaluating.md)."""
