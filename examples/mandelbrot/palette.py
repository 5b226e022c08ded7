"""Which character stands for a point."""

from __future__ import annotations

INSIDE = "@"
_OUTSIDE = " .:-=+*%"


def character(escaped: int, steps: int) -> str:
    """Return the character of a point that escaped after so many of all steps: the later, the darker."""
    if escaped >= steps:
        return INSIDE
    return _OUTSIDE[min(escaped.bit_length(), len(_OUTSIDE) - 1)]
