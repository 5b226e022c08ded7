"""Callbacks, statement by statement: which callables are taken, what each is given, and for which end it is called."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from . import traces

FAST = 30


class Calls:
    """What was called, with what, in which order."""

    def __init__(self) -> None:
        self.made: list[tuple[Any, ...]] = []
        self._last = threading.Event()

    def note(self, *args: Any) -> None:
        self.made.append(args)

    def last(self) -> None:
        self._last.set()

    def all(self) -> list[tuple[Any, ...]]:
        """Return all calls before that of `last`."""
        assert self._last.wait(FAST)
        return self.made


class Instance:
    """Something that can be called with a jid, or with nothing, in several ways."""

    calls: Calls

    def __init__(self, jid: int | None = None) -> None:
        if jid is not None:
            self.calls.note(jid)

    def __call__(self) -> None:
        self.calls.note()

    def method(self) -> None:
        self.calls.note()

    @classmethod
    def of_class(cls, jid: int) -> None:
        cls.calls.note(jid)

    @staticmethod
    def static(jid: int = 0) -> None:
        Instance.calls.note(jid)


@pytest.fixture
def calls() -> Calls:
    Instance.calls = Calls()
    return Instance.calls


def test_any_callable_is_given_the_jid_if_it_takes_a_positional_argument(cloud: ModuleType, calls: Calls) -> None:
    table: dict[int, None] = {}
    given: list[Callable[..., Any]] = [
        lambda jid: calls.note("lambda", jid),
        lambda jid=None, *, key=1: calls.note(jid, key),
        lambda *args: calls.note("several", *args),
        calls.note,
        partial(calls.note, "first"),
        Instance,
        Instance.of_class,
        Instance.static,
        table.setdefault,
        calls.made.append,
    ]
    jid = cloud.call(abs, -1, _callback=[*given, calls.last])
    assert calls.all() == [
        ("lambda", jid),
        (jid, 1),
        ("several", jid),
        (jid,),
        ("first", jid),
        *[(jid,)] * 3,
        jid,
    ]
    assert table == {jid: None}


def test_one_that_takes_none_is_given_none(cloud: ModuleType, calls: Calls) -> None:
    given = [
        lambda: calls.note("none"),
        lambda *, key="none": calls.note(key),
        lambda **keywords: calls.note("none", *keywords),
        partial(lambda jid, word: calls.note(word), 5, "none"),
        Instance(),
        Instance().method,
    ]
    cloud.call(abs, -1, _callback=[*given, calls.last])
    assert calls.all() == [("none",)] * 4 + [()] * 2


@pytest.mark.parametrize("wrap", [list, tuple, iter, dict.fromkeys])
def test_several_are_an_iterable_of_any_kind(cloud: ModuleType, calls: Calls, wrap: Callable[[Any], Any]) -> None:
    jid = cloud.call(abs, -1, _callback=wrap([calls.note, calls.last]))
    assert calls.all() == [(jid,)]


@pytest.mark.parametrize("end", ["done", "error", "killed", "stalled"])
def test_success_calls_one_list_and_every_other_end_the_other(
    cloud: ModuleType, calls: Calls, gate: Path, end: str
) -> None:
    function = traces.hold_and_fail if end in {"error", "stalled"} else traces.hold
    keywords: dict[str, Any] = {"_callback": [partial(calls.note, "success"), calls.last]}
    keywords["_callback_on_error"] = [partial(calls.note, "error"), calls.last]
    if end == "stalled":
        jid = cloud.call(abs, -1, _depends_on=cloud.call(function, str(gate)), **keywords)
    else:
        jid = cloud.call(function, str(gate), **keywords)
    if end == "killed":
        cloud.kill(jid)
    gate.touch()
    assert calls.all() == [("success" if end == "done" else "error", jid)]
    assert cloud.status(jid) == end
