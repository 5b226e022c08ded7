"""Boards: what was said last is read whole, by its own item alone, whenever the writer stopped."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picloud.model import remarks

AT = 16
ROOM = 64
ITEMS = st.tuples(st.integers(1, 3), st.integers(0, 3))


def _memory() -> bytearray:
    return bytearray(AT + remarks.board_size(ROOM) + 16)


@given(st.lists(st.tuples(ITEMS, st.binary(max_size=ROOM)), max_size=300))
def test_the_last_word_is_read_and_only_by_its_item(words: list[tuple[tuple[int, int], bytes]]) -> None:
    memory = _memory()
    for item, content in words:
        remarks.write(memory, AT, ROOM, *item, content)
    shown, said = words[-1] if words else (None, b"")
    for chunk in range(1, 4):
        for index in range(4):
            assert remarks.read(memory, AT, ROOM, chunk, index) == (said if (chunk, index) == shown else b"")
    assert bytes(memory[:AT]) == bytes(AT)
    assert bytes(memory[-16:]) == bytes(16)


class _Killed(Exception):  # noqa: N818 - no error of ours
    """Raised in the midst of writing."""


class _Mortal(bytearray):
    """Memory whose writer dies at one of its stores."""

    stores = 1 << 30

    def __setitem__(self, *args: object) -> None:
        self.stores -= 1
        if not self.stores:
            raise _Killed
        super().__setitem__(*args)  # type: ignore[call-overload]  # passes on whatever it gets


@pytest.mark.parametrize("store", [1, 2])
def test_a_writer_that_dies_in_the_midst_has_said_what_it_said_before(store: int) -> None:
    memory = _Mortal(_memory())
    remarks.write(memory, AT, ROOM, 1, 2, b"before")
    memory.stores = store
    with pytest.raises(_Killed):
        remarks.write(memory, AT, ROOM, 1, 2, b"never")
    assert remarks.read(memory, AT, ROOM, 1, 2) == b"before"


class _Turning(bytearray):
    """Memory whose writer writes twice while it is read."""

    def __getitem__(self, key: object) -> object:  # type: ignore[override]  # bytearray's has overloads
        if isinstance(key, slice):
            for content in self.later:
                remarks.write(self, AT, ROOM, 1, 0, content)
            self.later: list[bytes] = []
        return super().__getitem__(key)  # type: ignore[call-overload]  # as above


def test_a_reader_that_was_overtaken_reads_again() -> None:
    memory = _Turning(_memory())
    memory.later = []
    remarks.write(memory, AT, ROOM, 1, 0, b"first")
    memory.later = [b"second", b"third"]
    assert remarks.read(memory, AT, ROOM, 1, 0) == b"third"


@given(
    st.integers(0, 1 << 63) | st.floats(0, allow_infinity=False),
    st.none() | st.integers(0, 1 << 63) | st.floats(0, allow_infinity=False),
    st.text(st.characters(), max_size=1000),
)
def test_any_progress_has_room(done: float, total: float | None, note: str) -> None:
    content = remarks.encode_progress(done, total, note)
    assert len(content) <= remarks.PROGRESS_ROOM
    said = remarks.facts(content, b"")["progress"]
    assert said[:2] == [done, total]
    assert len(said[2]) == min(len(note), remarks.NOTE_LENGTH)


def test_the_worst_note_has_room() -> None:
    for letter in ("\0", "\U0001f600", "\ud800", '"'):
        assert len(remarks.encode_progress(1e308, 1e308, letter * 1000)) <= remarks.PROGRESS_ROOM


def test_there_are_facts_of_what_was_said_alone() -> None:
    assert remarks.facts(b"", b"") == {}
    assert remarks.facts(b'[1,null,""]', b"") == {"progress": [1, None, ""]}
    assert remarks.facts(b"", "é".encode()) == {"log": "é"}


@pytest.mark.parametrize("noise", [b"\xff", b"{", b"1", b"[1]", b"[" * 2000, json.dumps({"a": 1}).encode()])
def test_what_is_no_progress_is_left_out(noise: bytes) -> None:
    assert remarks.facts(noise, b"x") == {"log": "x"}
