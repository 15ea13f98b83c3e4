"""Calibrate in five minutes: pick passages, say yes or no to each, see what that would change, apply it or not."""

from app.ui.parts.five_minutes.start import draw_five_minutes

__all__ = ["draw_five_minutes"]
