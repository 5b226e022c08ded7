"""Which callbacks get the jid, and what they are called in a log; tests/system/interface/test_callbacks.py has the rest."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest

from picloud.client.callbacks import Callbacks, name_of, takes_jid
from picloud.client.connection import Connection
from picloud.client.session import Session
from picloud.model.settings import Settings
from picloud.wire import messages


class Instance:
    """What can be called without being a function."""

    def __call__(self, jid: int) -> None:
        """Take the jid."""

    def method(self, jid: int) -> None:
        """Take it as well."""

    def bare(self) -> None:
        """Take nothing but the instance."""


def _of_two(first: int, second: int) -> None:
    """Take two."""


@functools.wraps(Instance().bare)
def _wrapped(*args: Any, **kwargs: Any) -> None:
    Instance().bare(*args, **kwargs)


@pytest.mark.parametrize(
    ("callback", "takes"),
    [
        (lambda jid: None, True),
        (lambda: None, False),
        (lambda jid=0: None, True),
        (lambda *args: None, True),
        (lambda **kwargs: None, False),
        (lambda *, jid=0: None, False),
        (print, True),
        ([].append, True),
        ([].clear, False),
        (dict, True),
        (Instance(), True),
        (Instance, False),
        (Instance().method, True),
        (Instance().bare, False),
        (functools.partial(_of_two, 1), True),
        (functools.partial(_of_two, 1, 2), False),
        (functools.partial(_of_two, first=1, second=2), False),
        (_wrapped, False),
    ],
)
def test_the_jid_is_for_those_that_take_a_positional_argument(callback: Callable[..., Any], takes: bool) -> None:
    assert takes_jid(callback) is takes


def test_names_in_a_log() -> None:
    assert name_of(print) == "print"
    assert name_of(Instance().method) == "Instance.method"
    assert name_of(functools.partial(print)) == "of type partial"


class _Deaf(Connection):
    """A connection on which nobody answers."""

    __slots__ = ("said",)

    def __init__(self) -> None:
        self.said: list[messages.Message] = []

    def send(self, message: messages.Message, body: Any = ()) -> None:
        self.said.append(message)


class _Overtaken(Callbacks):
    """Callbacks whose thread is over at the moment at which another one begins."""

    def _is_over(self) -> bool:
        self._connection = self.later = _Deaf()
        return True


def test_a_thread_that_ends_does_not_take_the_next_ones_connection_along() -> None:
    session = Session(Settings())
    callbacks = _Overtaken(session)
    callbacks._watch(_Deaf())
    assert callbacks._connection is callbacks.later
    session.close()
