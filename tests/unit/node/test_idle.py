"""A node ends by itself after a time without work and without requests."""

from __future__ import annotations

from picloud.node.idle import Idleness


def test_it_ends_after_the_idle_time() -> None:
    idle = Idleness(10.0, now=0.0)
    assert not idle.over(9.9, busy=False, requests=0)
    assert idle.over(10.0, busy=False, requests=0)


def test_work_begins_the_time_anew() -> None:
    idle = Idleness(10.0, now=0.0)
    assert not idle.over(9.0, busy=True, requests=0)
    assert not idle.over(18.9, busy=False, requests=0)
    assert idle.over(19.0, busy=False, requests=0)


def test_a_request_begins_the_time_anew() -> None:
    idle = Idleness(10.0, now=0.0)
    assert not idle.over(9.0, busy=False, requests=1)
    assert not idle.over(18.0, busy=False, requests=1)
    assert idle.over(19.0, busy=False, requests=1)


def test_zero_never_ends() -> None:
    idle = Idleness(0.0, now=0.0)
    assert not idle.over(1e9, busy=False, requests=0)
    assert idle.next_look() > 0
