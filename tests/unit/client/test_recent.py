"""What a client remembers of jobs that have ended."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from picloud.client.recent import _ENTRY, Finals, Recent
from picloud.model import job


def test_a_record_is_kept() -> None:
    recent = Recent(1000)
    recent.put(1, b"abc")
    assert recent.get(1) == b"abc"
    assert recent.get(1) == b"abc"
    assert recent.get(2) is None
    recent.clear()
    assert recent.get(1) is None


def test_an_end_never_changes() -> None:
    recent = Recent(1000)
    recent.put(1, b"abc")
    recent.put(1, b"abc")
    assert recent._used == 3 + _ENTRY


def test_the_older_ones_go_first() -> None:
    recent = Recent(4 * (_ENTRY + 4))
    for jid in range(1, 6):
        recent.put(jid, b"1234")
    assert [jid for jid in range(1, 6) if recent.get(jid)] == [3, 4, 5]


@given(st.lists(st.tuples(st.integers(1, 20), st.integers(0, 200))), st.integers(0, 1000))
def test_records_never_take_more_than_their_room(puts: list[tuple[int, int]], room: int) -> None:
    recent = Recent(room)
    for jid, length in puts:
        recent.put(jid, b"x" * length)
        assert recent._used == sum(len(record) + _ENTRY for record in recent._records.values()) <= room


def test_what_is_larger_than_the_room_is_not_kept() -> None:
    recent = Recent(_ENTRY + 3)
    recent.put(1, b"abc")
    recent.put(2, b"abcd")
    assert recent.get(1) == b"abc"
    assert recent.get(2) is None


def test_no_room_keeps_nothing() -> None:
    recent = Recent(0)
    recent.put(1, b"")
    assert recent.get(1) is None


def test_only_final_statuses_are_kept() -> None:
    finals = Finals(10)
    finals.put([1, 2, 3], [job.DONE, job.PROCESSING, job.ERROR])
    assert finals.of([3, 1]) == [job.ERROR, job.DONE]
    assert finals.of([1, 2]) is None
    finals.clear()
    assert finals.of([1]) is None


def test_the_older_statuses_go_first() -> None:
    finals = Finals(4)
    for jid in range(1, 6):
        finals.put([jid], [job.DONE])
    assert [jid for jid in range(1, 6) if finals.of([jid])] == [4, 5]
    nothing = Finals(0)
    nothing.put([1], [job.DONE])
    assert nothing.of([1]) is None
