"""The arena's layout: no two fields overlap, and everything is aligned."""

from __future__ import annotations

from picloud.model import arena
from picloud.model.outcome import ROW

FIELDS = sorted(
    value
    for name, value in vars(arena).items()
    if name.isupper()
    and isinstance(value, int)
    and not name.startswith(("KILLED_", "HEAP_AT", "HEAP_SIZE", "ROW", "HEADER", "SIZE"))
)


def test_fields_are_eight_bytes_each_and_fit_the_header() -> None:
    assert FIELDS == list(range(0, 8 * len(FIELDS), 8))
    assert FIELDS[-1] + 8 <= arena.HEADER_SIZE


def test_regions_follow_each_other() -> None:
    assert arena.HEADER_SIZE == arena.ROWS_AT
    assert arena.HEAP_AT == arena.ROWS_AT + arena.ROW_CAPACITY * ROW.size
    assert arena.SIZE == arena.HEAP_AT + arena.HEAP_SIZE
    assert arena.ROWS_AT % 8 == arena.HEAP_AT % 8 == 0
