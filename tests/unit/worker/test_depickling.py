"""Jobs that cannot be rebuilt, and jobs that raise."""

from __future__ import annotations

import functools
import pickle
import sys
from array import array
from collections.abc import Callable
from typing import Any

import pytest

from picloud.exceptions import SerializationError
from picloud.worker import depickling
from picloud.worker.cargo import Items


def items(*contents: bytes) -> Items:
    offsets = [0]
    for content in contents:
        offsets.append(offsets[-1] + len(content))
    return Items(b"".join(contents), array("I", offsets), pickle.loads)


def run(function: Callable[..., Any], found: Items, index: int) -> BaseException:
    """Return what an item ends with."""
    try:
        function(*found.load(found.blob[found.offsets[index] : found.offsets[index + 1]]))
    except BaseException as error:
        return depickling.explained(error, function, found, index)
    raise AssertionError("it did not fail")


def fails(x: Any) -> None:
    raise LookupError(x)


MISSING = b"(cno_such_module\nf\nt."
GONE = b"(cos\nno_such_function\nt."


def test_arguments_that_cannot_be_rebuilt() -> None:
    found = items(pickle.dumps((1,)), MISSING, GONE)
    error = run(fails, found, 1)
    assert isinstance(error, SerializationError)
    assert str(error).startswith(f"Could not depickle job in {sys.executable} (Python {sys.version_info[0]}.")
    assert "it has no module 'no_such_module'" in str(error)
    assert "must be installed" in str(error)
    assert isinstance(error.__cause__, ModuleNotFoundError)
    assert "no_such_function" in str(run(fails, found, 2))


@pytest.mark.parametrize("function", [fails, int, functools.partial(fails)])
def test_a_function_that_raises_is_not_explained(function: Callable[..., Any]) -> None:
    error = run(function, items(pickle.dumps(("x",))), 0)
    assert isinstance(error, (LookupError, ValueError))


def test_a_function_that_lacks_a_module_says_where_it_ran() -> None:
    def lacking(_x: Any) -> None:
        import no_such_module  # type: ignore[import-not-found]  # noqa: F401 - it must not exist

    error = run(lacking, items(pickle.dumps((1,))), 0)
    assert isinstance(error, ModuleNotFoundError)
    assert error.__notes__ == [f"The job ran in {sys.executable}"]


def test_interrupts_are_left_alone() -> None:
    error = KeyboardInterrupt()
    assert depickling.explained(error, fails, items(MISSING), 0) is error
