"""What to do instead."""

from __future__ import annotations

import itertools
import pickle
import threading
from typing import Any

import pytest

from picloud.pickling import refusals
from picloud.pickling.pickler import dumps
from picloud.pickling.refusals import Refused


@pytest.mark.parametrize(
    "value", [itertools.count(), itertools.chain(), itertools.islice([], 1), itertools.groupby([]), itertools.repeat(1)]
)
def test_iterators_of_itertools_are_refused_on_every_python(value: Any) -> None:
    with pytest.raises(pickle.PicklingError, match=f"itertools.{type(value).__name__}"):
        dumps([value])
    assert refusals.advice(value, ValueError()) == refusals.LIST_IT


def test_advice_is_by_type_and_its_bases() -> None:
    class Own(threading.Thread):
        pass

    error = TypeError()
    assert refusals.advice((str(i) for i in range(0)), error) == refusals.LIST_IT
    assert refusals.advice(Own(), error) == refusals.advice(threading.Lock(), error) != refusals.OTHERWISE
    assert refusals.advice(object(), error) == refusals.OTHERWISE


def test_advice_that_came_with_the_error_goes_first() -> None:
    assert refusals.advice(threading.Lock(), Refused("no", "do this")) == "do this"


def test_depth_is_told_from_other_errors() -> None:
    wrapped = pickle.PicklingError()
    wrapped.__cause__ = RecursionError()
    assert refusals.is_too_deep(wrapped)
    assert refusals.is_too_deep(RecursionError())
    assert not refusals.is_too_deep(TypeError())
