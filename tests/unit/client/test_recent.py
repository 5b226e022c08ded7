"""Ends that came with submissions."""

from __future__ import annotations

from picloud.client.recent import Recent


def test_taken_once() -> None:
    recent = Recent(100)
    recent.put(1, b"abc")
    assert recent.get(1) == b"abc"
    assert recent.take(1) == b"abc"
    assert recent.take(1) is None
    assert recent.get(1) is None


def test_the_oldest_go_first() -> None:
    recent = Recent(10)
    for jid in range(1, 6):
        recent.put(jid, b"1234")
    assert [jid for jid in range(1, 6) if recent.get(jid)] == [4, 5]
    recent.put(6, b"x" * 11)
    assert recent.get(6) is None
    recent.clear()
    assert recent.get(5) is None
    recent.put(7, b"1234567890")
    assert recent.take(7) == b"1234567890"


def test_no_room_keeps_nothing() -> None:
    recent = Recent(0)
    recent.put(1, b"a")
    assert recent.take(1) is None
