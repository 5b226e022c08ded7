"""What functools makes of functions: by name where a module has it, else rebuilt, without locks and with empty caches."""

from __future__ import annotations

import functools
import pickle
from typing import Any

import pytest

from picloud.pickling import functional
from picloud.pickling.pickler import dumps


@functools.cache
def known(n: int) -> int:
    """Be known by name."""
    return n


@functools.singledispatch
def shown(value: object) -> str:
    """Be known by name."""
    return str(value)


class Named:
    @functools.cache  # noqa: B019 - the instances live as long as the test
    def method(self) -> int:
        return 1

    @functools.cached_property
    def value(self) -> list[int]:
        """Say it."""
        return [1]


def again(value: Any) -> Any:
    return pickle.loads(dumps(value))


def test_what_a_module_has_goes_by_name() -> None:
    assert again(known) is known
    assert again(shown) is shown
    assert again(Named.method) is Named.method
    assert again(functools.lru_cache) is functools.lru_cache


@pytest.mark.parametrize(("maxsize", "typed"), [(None, False), (3, True), (0, False)])
def test_a_cache_is_made_anew_with_its_parameters_and_empty(maxsize: int | None, typed: bool) -> None:
    @functools.lru_cache(maxsize=maxsize, typed=typed)
    def local(n: int) -> int:
        """Say it."""
        return n + 1

    assert local(1) == 2
    local.note = "mine"  # type: ignore[attr-defined]  # anybody may give it one
    found = again(local)
    assert found is not local
    assert found.cache_parameters() == {"maxsize": maxsize, "typed": typed}
    assert found.cache_info().misses == 0
    assert (found(1), found.__name__, found.__doc__, found.note) == (2, "local", "Say it.", "mine")


def test_a_cache_may_call_itself() -> None:
    @functools.cache
    def factorial(n: int) -> int:
        return n * factorial(n - 1) if n else 1

    found, same = again([factorial, factorial])
    assert found is same
    assert found(10) == 3628800
    assert found.cache_info().currsize == 11


def test_a_cached_property_is_one_still() -> None:
    class Local:
        @functools.cached_property
        def value(self) -> list[int]:
            """Say it."""
            return [1]

    kind = again(Local)
    one, other = kind(), kind()
    assert one.value is one.value
    assert one.value is not other.value
    assert kind.value.__doc__ == "Say it."
    assert kind.value.attrname == "value"
    prop = again(vars(Named)["value"])
    assert (prop.attrname, prop.func(None)) == ("value", [1])


def test_a_property_of_a_kind_of_ones_own() -> None:
    class Kind(functools.cached_property[Any]):
        note = ""

    class Local:
        @Kind
        def value(self) -> list[int]:
            return [1]

    vars(Local)["value"].note = "mine"
    found = again(Local)
    assert (found().value, vars(found)["value"].note) == ([1], "mine")


def test_a_dispatcher_keeps_its_implementations() -> None:
    @functools.singledispatch
    def local(value: object) -> str:
        """Say it."""
        return "object"

    @local.register
    def _(value: int) -> str:
        return f"int, no {local('')}"

    local.note = "mine"  # type: ignore[attr-defined]  # as above
    assert functional.is_dispatcher(local)
    assert not functional.is_dispatcher(shown)
    found = again(local)
    assert [found(value) for value in (1, True, "", 2.5)] == ["int, no object"] * 2 + ["object"] * 2
    assert (found.__name__, found.__doc__, found.note) == ("local", "Say it.", "mine")
    found.register(float, str)
    assert found(2.5) == "2.5"
    assert local(2.5) == "object"


def test_a_method_may_dispatch() -> None:
    class Local:
        @functools.singledispatchmethod
        def kind(self, value: object) -> str:
            return "any"

        @kind.register
        def _(self, value: int) -> str:
            return "int"

    found = again(Local)()
    assert (found.kind(1), found.kind("")) == ("int", "any")
