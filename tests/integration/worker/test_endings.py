"""Items that raise: what the client learns of it."""

from __future__ import annotations

import sys
import time
from typing import Any

import pytest

from picloud.model import job
from picloud.model.bundle import Bundle
from picloud.model.outcome import RowFlag


def inner(x: int) -> float:
    return 1 / x


def outer(x: int) -> float:
    try:
        return inner(x)
    except ZeroDivisionError as error:
        raise ValueError(f"cannot use {x}") from error


def test_only_the_item_that_raises_is_an_error(worker: Any) -> None:
    ends = worker.run_all(inner, [(x,) for x in (2, 0, 4)], group=3)
    assert [end.status for end in ends] == [job.DONE, job.ERROR, job.DONE]
    end = ends[1]
    assert end.meta["cause"] == ["exception", None, ""]
    assert end.meta["type"] == "ZeroDivisionError"
    assert isinstance(end.error(), ZeroDivisionError)


def test_the_traceback_has_source_lines_and_causes_and_nothing_of_ours(worker: Any) -> None:
    text = worker.call(outer, 0).meta["exception"]
    lines = [line.strip() for line in text.splitlines()]
    assert lines[0] == "Traceback (most recent call last):"
    assert "return 1 / x" in lines
    assert "return inner(x)" in lines
    assert 'raise ValueError(f"cannot use {x}") from error' in lines
    assert "The above exception was the direct cause of the following exception:" in lines
    assert lines[-1] == "ValueError: cannot use 0"
    assert "picloud" not in text.replace(__file__, "")


def test_contexts_notes_and_groups(worker: Any) -> None:
    def raising() -> None:
        try:
            inner(0)
        except ZeroDivisionError:
            error = ExceptionGroup("two", [KeyError("a"), ValueError("b")])
            error.add_note("a note")
            raise error  # noqa: B904 - its context is under test

    end = worker.call(raising)
    for part in ("During handling of", "KeyError: 'a'", "ValueError: b", "a note"):
        assert part in end.meta["exception"]
    assert end.error().__notes__ == ["a note"]


@pytest.mark.parametrize(
    ("raised", "last"), [(SystemExit(3), "SystemExit: 3"), (KeyboardInterrupt(), "KeyboardInterrupt")]
)
def test_what_is_no_plain_exception_is_an_error_all_the_same(worker: Any, raised: BaseException, last: str) -> None:
    def leave() -> None:
        raise raised

    ends = worker.run(leave, [()] * 2)
    assert [end.status for end in ends] == [job.ERROR] * 2
    assert ends[0].meta["exception"].splitlines()[-1] == last
    assert type(ends[0].error()) is type(raised)


def test_sys_exit(worker: Any) -> None:
    end = worker.call(sys.exit, "enough")
    assert end.status == job.ERROR
    assert end.meta["type"] == "SystemExit"
    assert "enough" in end.meta["exception"]


def test_an_exception_of_the_jobs_own_class_travels_by_value(worker: Any) -> None:
    def raising() -> None:
        class OwnError(Exception):
            pass

        raise OwnError("mine")

    error = worker.call(raising).error()
    assert type(error).__name__ == "OwnError"
    assert str(error) == "mine"


@pytest.mark.parametrize("how", ["lock", "reduce", "init"])
def test_an_exception_that_cannot_travel_leaves_its_words(worker: Any, how: str) -> None:
    def raising(how: str) -> None:
        import threading

        if how == "lock":
            error: Exception = ValueError("holds", threading.Lock())
        elif how == "reduce":

            class RefusingError(Exception):
                def __reduce__(self) -> Any:
                    raise RuntimeError("no")

            error = RefusingError("holds")
        else:

            class PickyError(Exception):
                def __init__(self, left: int) -> None:
                    super().__init__("holds")
                    self.left = left

                def __setstate__(self, state: Any) -> None:
                    raise TypeError(state)

            error = PickyError(1)
        raise error

    end = worker.call(raising, how)
    assert end.status == job.ERROR
    assert not end.flags & RowFlag.EXCEPTION_PICKLED
    assert end.payload == b""
    assert "holds" in end.meta["exception"]


def test_an_exception_whose_own_code_raises(worker: Any) -> None:
    def raising() -> None:
        class MuteError(Exception):
            def __str__(self) -> str:
                raise RuntimeError

        raise MuteError

    end = worker.call(raising)
    assert end.status == job.ERROR
    assert "Mute" in end.meta["exception"]


def test_endless_recursion(worker: Any) -> None:
    def recurse(x: int) -> int:
        return recurse(x + 1)

    end = worker.call(recurse, 0)
    assert end.meta["type"] == "RecursionError"
    assert "repeated" in end.meta["exception"]


def test_running_out_of_memory(worker: Any) -> None:
    end = worker.call(lambda: bytearray(1 << 60))
    assert end.meta["type"] in ("MemoryError", "OverflowError")


def test_a_very_long_message_is_cut(worker: Any) -> None:
    def raising() -> None:
        raise ValueError("x" * 10_000_000)

    ends = worker.run(raising, [()] * 30)
    assert len(ends) == 30
    assert all(len(end.meta["exception"]) < 300_000 and "left out" in end.meta["exception"] for end in ends)


def test_many_errors_fit_by_rolling(worker: Any) -> None:
    def raising(i: int) -> None:
        raise ValueError(str(i) * 40_000)

    ends = worker.run_all(raising, [(i,) for i in range(150)], group=50)
    assert [end.meta["exception"].rstrip().endswith(str(i)) for i, end in enumerate(ends)] == [True] * 150


def test_a_function_that_cannot_be_had_is_every_items_error(worker: Any) -> None:
    ends = worker.run_all(b"\x80\x05cno_such_module\nf\n.", [(1,), (2,)], group=2)
    assert [end.status for end in ends] == [job.ERROR] * 2
    assert ends[0].meta["exception"] == ends[1].meta["exception"]
    assert f"Could not depickle job in {sys.executable}" in ends[0].meta["exception"]
    assert "it has no module 'no_such_module'" in ends[0].meta["exception"]


def test_lines_of_code_that_was_never_in_a_file(worker: Any) -> None:
    """Interactive code: the client sends what its tracebacks are to quote."""
    name = "<stdin-7>"
    text = "def interactive(x):\n    return x + None  # typed by hand\n"
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(text, name, "exec"), space)
    end = worker.call(space["interactive"], 1, bundle=Bundle({}, {name: text}))
    assert "return x + None  # typed by hand" in end.meta["exception"]


def test_an_item_after_an_error_does_not_hold_its_locals(worker: Any) -> None:
    def raising() -> None:
        held = Sentinel()
        raise ValueError(str(type(held)))

    class Sentinel:
        def __del__(self) -> None:
            print("freed")

    ends = worker.run(lambda i, f: f() if i == 0 else time.sleep(0), [(i, raising) for i in range(3)])
    assert ends[0].status == job.ERROR
    assert b"freed" in b"".join(end.output() for end in ends)
