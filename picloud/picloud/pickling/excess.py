"""What in a value is large: told where it exceeds the limit that was set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from picloud.pickling.culprit import Part, parts_of

MOST_PARTS = 1000
"""A part that is made of more is not looked into: none of them is the one."""

MAX_DEPTH = 20
"""Levels that are gone down."""

_NAMED = 5

Measure = Callable[[object], int]


def sizes(roots: Sequence[Part], measure: Measure) -> str:
    """Return in words how large the parts are, largest first, and what in the largest has most of its bytes.

    Such as `args[1] has 2000120 bytes, most of them in args[1]['deep'][3]: ndarray; args[0] has 5 bytes`.
    """
    measured = sorted(((_size(part.value, measure), part) for part in roots), key=lambda pair: -pair[0])
    if not measured:
        return ""
    size, largest = measured[0]
    words = [f"{part.step} has {size} bytes" for size, part in measured[:_NAMED]]
    words[0] += f", most of them in {_innermost(largest, size, measure)}"
    if len(measured) > _NAMED:
        words.append(f"{len(measured) - _NAMED} more have less")
    return "; ".join(words)


def _innermost(part: Part, size: int, measure: Measure) -> str:
    """Return path and type of the innermost part that has most of the bytes."""
    path, value = part.step, part.value
    for _ in range(MAX_DEPTH):
        found = _heavy(parts_of(value), size, measure)
        if found is None:
            break
        path, value = path + found.step, found.value
    return f"{path}: {type(value).__name__}"


def _heavy(parts: Iterable[Part], size: int, measure: Measure) -> Part | None:
    """Return the part that has more than half of the bytes, if there is one."""
    for count, part in enumerate(parts):
        # What an instance reduces to is no part that people know.
        if count >= MOST_PARTS or part.step.startswith(".<"):
            return None
        if _size(part.value, measure) * 2 > size:
            return part
    return None


def _size(value: object, measure: Measure) -> int:
    try:
        return measure(value)
    except Exception:
        # A part that cannot be pickled by itself has no size.
        return 0
