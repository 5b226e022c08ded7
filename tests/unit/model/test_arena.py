"""The arena's layout: no two fields overlap, and everything is aligned."""

from __future__ import annotations

import itertools

from picloud.model import arena, remarks
from picloud.model.outcome import ROW

NO_FIELDS = ("KILLED_", "HEAP_AT", "HEAP_SIZE", "ROW", "HEADER", "SIZE", "PROGRESS_AT", "LOG_AT")
"""How the names of constants begin that are no field's position."""


def _fields() -> list[int]:
    constants = {name: value for name, value in vars(arena).items() if name.isupper() and isinstance(value, int)}
    return sorted(value for name, value in constants.items() if not name.startswith(NO_FIELDS))


def test_fields_are_eight_bytes_each_and_fit_the_header() -> None:
    fields = _fields()
    assert fields == list(range(0, 8 * len(fields), 8))
    assert fields[-1] + 8 <= arena.HEADER_SIZE


def test_regions_follow_each_other() -> None:
    rows = arena.ROW_CAPACITY * ROW.size
    sizes = (
        arena.HEADER_SIZE,
        rows,
        arena.HEAP_SIZE,
        remarks.board_size(remarks.PROGRESS_ROOM),
        remarks.board_size(remarks.LOG_ROOM),
    )
    regions = (arena.ROWS_AT, arena.HEAP_AT, arena.PROGRESS_AT, arena.LOG_AT, arena.SIZE)
    assert regions == tuple(itertools.accumulate(sizes))
    assert not any(start % 8 for start in regions)
