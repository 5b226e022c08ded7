"""The disk's reserve is looked at now and then, and whenever much has come since."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from picloud.exceptions import StoreFullError
from picloud.model.settings import Durability
from picloud.node.room import LOOK_BYTES, LOOK_SECONDS, Room
from picloud.store.environment import Environment, Reserve

LEFT = 1 << 30
"""About so many bytes may be written: other programs use the same disk meanwhile."""


class Clock:
    """A clock that stands still until it is told."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        """Return the time that it was given."""
        return self.now

    def wall(self) -> float:
        """Return the same."""
        return self.now


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[Environment]:
    with Environment.open(tmp_path, Durability.PROCESS) as opened:
        yield opened


def test_what_would_touch_the_reserve_is_refused_and_what_would_not_is_not(environment: Environment) -> None:
    clock = Clock()
    room = Room(Reserve(environment, environment.room() - LEFT), clock)
    for _ in range(3):
        with pytest.raises(StoreFullError, match="kept for results"):
            room.check(4 * LEFT)
        room.check(1000)
        clock.now += LOOK_SECONDS / 10


def test_small_ones_are_let_in_unseen_for_a_moment(environment: Environment) -> None:
    clock = Clock()
    reserve = Reserve(environment, 0)
    room = Room(reserve, clock)
    room.check(1)
    reserve.size = 1 << 60
    room.check(1000)
    room.check(LOOK_BYTES - 2000)
    with pytest.raises(StoreFullError):
        room.check(2000)
    room.check(500)
    clock.now += LOOK_SECONDS
    with pytest.raises(StoreFullError):
        room.check(1)
    reserve.size = 0
    room.check(1)
