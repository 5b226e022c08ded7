"""What a fork and the end of the interpreter mean to whatever keeps connections, locks or a private node in this process."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

_T = TypeVar("_T")


class Belongings(Generic[_T]):
    """A set of objects that does not keep them, and that any thread may add to while another one goes through it."""

    __slots__ = ("_references",)

    def __init__(self) -> None:
        """Begin empty."""
        self._references: set[weakref.ref[_T]] = set()

    def add(self, item: _T) -> None:
        """Take an object in until it goes."""
        self._references.add(weakref.ref(item, self._references.discard))

    def __iter__(self) -> Iterator[_T]:
        """Yield the objects that are there now."""
        # A list of a set is made in one step that no other thread can interrupt; an iteration is not.
        for reference in list(self._references):
            item = reference()
            if item is not None:
                yield item


class Forked(Protocol):
    """What has something to do in a forked child."""

    def forget_parent(self) -> None:
        """Drop what belongs to the parent, and locks that a thread of the parent may have held."""


class Ended(Protocol):
    """What has something to do when the interpreter ends."""

    def end(self) -> None:
        """Leave nothing that would outlive the process."""


_forked: Belongings[Forked] = Belongings()
_ended: Belongings[Ended] = Belongings()


@dataclass(slots=True)
class _Process:
    """How far this process is."""

    ending: bool = False
    """Whether its interpreter ends."""


_process = _Process()


def at_fork(item: Forked) -> None:
    """Have an object told, as long as it is there, in each forked child."""
    _forked.add(item)


def at_exit(item: Ended) -> None:
    """Have an object told, as long as it is there, when the interpreter ends."""
    _ended.add(item)


def end() -> None:
    """Tell everybody that the interpreter ends: `cloud` has this called at exit."""
    _process.ending = True
    for item in _ended:
        item.end()


def hold_daemons() -> None:
    """Stop a daemon thread here for good if the interpreter ends: it would go on with a node that is no more, or start one."""
    if _process.ending and threading.current_thread().daemon:
        while True:
            threading.Event().wait()


def _after_fork() -> None:
    _process.ending = False
    for item in _forked:
        item.forget_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
