"""A step that could not be done."""

from __future__ import annotations


class StepFailed(Exception):
    """A step came to no result: one German line. The steps after it are not done."""
