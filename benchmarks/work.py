"""What the contenders' jobs do: nothing, so that what is measured is all but the job."""

from __future__ import annotations


def nothing(_item: object = None) -> None:
    """Return at once."""
