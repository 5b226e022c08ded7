"""Exceptions come back as they were, whatever their `__init__` takes."""

from __future__ import annotations

import pickle
from typing import Any, Self

import pytest

from picloud.exceptions import JobError
from picloud.pickling import errors
from picloud.pickling.pickler import dumps


class TwoError(Exception):
    def __init__(self, left: int, *, right: int) -> None:
        super().__init__(f"{left} and {right}")
        self.left, self.right = left, right


class PathError(OSError):
    def __init__(self, path: str) -> None:
        super().__init__(2, "no such thing", path)


class MadeError(ValueError):
    def __new__(cls, left: int, right: int) -> Self:
        error = super().__new__(cls, left)
        error.right = right  # type: ignore[attr-defined]  # an attribute that its class does not know
        return error

    def __init__(self, left: int, right: int) -> None:
        super().__init__(left)


class SourceError(SyntaxError):
    def __init__(self) -> None:
        super().__init__("bad", ("file.py", 3, 4, "x = = 1"))


class ManyError(ExceptionGroup):
    def __init__(self, text: str, found: Any) -> None:
        self.extra = 1


@pytest.mark.parametrize(
    "error",
    [
        TwoError(1, right=2),
        PathError("/nowhere"),
        MadeError(1, 2),
        SourceError(),
        ManyError("many", [ValueError(1), TwoError(1, right=2)]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_own_initialisers(error: Exception) -> None:
    error.add_note("a note")
    assert errors.is_rebuilt(type(error))
    copy = pickle.loads(dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    for name in ("args", "left", "right", "errno", "filename", "lineno", "extra", "__notes__"):
        assert str(getattr(copy, name, None)) == str(getattr(error, name, None)), name


@pytest.mark.parametrize(
    "error", [ValueError(1), KeyError("x"), UnicodeDecodeError("a", b"b", 0, 1, "c"), JobError("no", jid=1)]
)
def test_others_pickle_as_they_always_did(error: Exception) -> None:
    assert not errors.is_rebuilt(type(error))
    assert str(pickle.loads(dumps(error))) == str(error)


def test_transient_attributes_of_exceptions() -> None:
    class HoldingError(Exception):
        __transient__ = ("lock",)

        def __init__(self) -> None:
            self.lock, self.kept = (i for i in []), 1  # type: ignore[var-annotated]  # of what type does not matter

    copy = pickle.loads(dumps(HoldingError()))
    assert (copy.kept, hasattr(copy, "lock")) == (1, False)
