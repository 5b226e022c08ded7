"""What an item says is shown in the arena, kept until its end, and forgotten with it."""

from __future__ import annotations

import os

import pytest

from picloud.exceptions import CloudException
from picloud.model import arena as layout
from picloud.model import remarks as boards
from picloud.worker import arena as arenas
from picloud.worker.arena import Arena
from picloud.worker.kills import Flags
from picloud.worker.remarks import Remarks


@pytest.fixture
def arena() -> Arena:
    descriptor = arenas.create()
    made = Arena(descriptor)
    os.close(descriptor)
    made.begin(7, 0.0, 0)
    made.integers[layout.CURRENT // 8] = 2
    return made


def shown(arena: Arena, index: int = 2) -> dict[str, object]:
    progress = boards.read(arena.memory, layout.PROGRESS_AT, boards.PROGRESS_ROOM, 7, index)
    return boards.facts(progress, boards.read(arena.memory, layout.LOG_AT, boards.LOG_ROOM, 7, index))


def test_the_last_word_is_shown_and_kept(arena: Arena) -> None:
    flags = Flags()
    remarks = Remarks(arena, flags)
    assert remarks.take() == {}
    assert not flags.after
    remarks.set_progress(1, None, "")
    remarks.set_progress(2, 10, "warm")
    remarks.add_log("begun")
    remarks.add_log("two\nlines")
    said = {"progress": [2, 10, "warm"], "log": "begun\ntwo\nlines\n"}
    assert shown(arena) == said
    assert shown(arena, 3) == {}
    assert flags.after
    assert remarks.take() == said
    assert remarks.take() == {}


def test_the_next_item_begins_with_nothing(arena: Arena) -> None:
    remarks = Remarks(arena, Flags())
    remarks.add_log("of the first")
    remarks.take()
    arena.integers[layout.CURRENT // 8] = 3
    assert shown(arena, 3) == {}
    remarks.add_log("of the second")
    assert shown(arena, 3) == {"log": "of the second\n"}


def test_a_log_keeps_its_last_lines(arena: Arena) -> None:
    remarks = Remarks(arena, Flags())
    for number in range(10_000):
        remarks.add_log(f"line {number}")
    lines = str(shown(arena)["log"]).splitlines()
    assert lines == [f"line {number}" for number in range(10_000 - len(lines), 10_000)]
    assert boards.LOG_ROOM - 20 < len("\n".join(lines)) <= boards.LOG_ROOM


def test_a_line_that_is_too_long_keeps_its_end(arena: Arena) -> None:
    remarks = Remarks(arena, Flags())
    remarks.add_log("x" * 100_000 + "end")
    text = str(remarks.take()["log"])
    assert text.endswith("xend\n")
    assert len(text) == boards.LOG_ROOM


def test_a_forked_process_is_refused(arena: Arena) -> None:
    flags = Flags()
    remarks = Remarks(arena, flags)
    flags.forked = True
    with pytest.raises(CloudException, match="forked") as caught:
        remarks.set_progress(1, 2, "")
    assert caught.value.hint
    with pytest.raises(CloudException, match="forked"):
        remarks.add_log("x")
