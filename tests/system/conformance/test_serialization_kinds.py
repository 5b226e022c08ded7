"""What travels, kind by kind: arguments and results are values, functions bring all that they need."""

from __future__ import annotations

import functools
import io
import operator
import threading
from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from types import ModuleType
from typing import Any, ClassVar, NamedTuple

import pytest

FAST = 30


def call(cloud: ModuleType, function: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
    return cloud.result(cloud.call(function, *arguments, **keywords), timeout=FAST)


def same(value: Any) -> Any:
    return value


def decorate(function: Callable[[int], int]) -> Callable[[int], str]:
    @functools.wraps(function)
    def decorated(n: int) -> str:
        return f"decorated {function(n)}"

    return decorated


@decorate
def decorated(n: int) -> int:
    return 2 * n


class Counter:
    """Something with methods."""

    def __init__(self, start: int) -> None:
        self.count = start

    def add(self, n: int) -> int:
        self.count += n
        return self.count

    def __call__(self, n: int) -> int:
        return self.add(n)

    @classmethod
    def made(cls, n: int) -> int:
        return cls(n).count

    @staticmethod
    def doubled(n: int) -> int:
        return 2 * n

    @property
    def twice(self) -> int:
        return 2 * self.count


class Pair(NamedTuple):
    """A named tuple of a module."""

    left: int
    right: int = 0


def test_partials(cloud: ModuleType) -> None:
    assert call(cloud, functools.partial(pow, 2), 5) == 32
    assert call(cloud, functools.partial(lambda a, b, c=0: (a, b, c), 1, c=3), 2) == (1, 2, 3)
    assert cloud.result(cloud.map(functools.partial(operator.mul, 3), range(4)), timeout=FAST) == [0, 3, 6, 9]
    assert call(cloud, same, functools.partial(int, base=2))("101") == 5


def test_bound_methods(cloud: ModuleType) -> None:
    counter = Counter(1)
    assert cloud.result(cloud.map(counter.add, [1, 1, 1]), timeout=FAST)[0] == 2
    assert counter.count == 1
    assert call(cloud, "a-b".split, "-") == ["a", "b"]
    assert call(cloud, [3, 1].index, 1) == 1


def test_class_and_static_methods(cloud: ModuleType) -> None:
    assert call(cloud, Counter.made, 4) == 4
    assert call(cloud, Counter.doubled, 4) == 8
    assert call(cloud, Counter.add, Counter(1), 4) == 5


def test_callable_instances(cloud: ModuleType) -> None:
    assert call(cloud, Counter(5), 1) == 6


def test_builtins_and_classes_as_functions(cloud: ModuleType) -> None:
    assert [call(cloud, len, "abc"), call(cloud, dict, a=1), call(cloud, complex, 1, 2)] == [3, {"a": 1}, 1 + 2j]
    assert call(cloud, Counter, 7).count == 7
    assert call(cloud, print) is None


def test_builtins_as_values(cloud: ModuleType) -> None:
    values = [len, int, None, ..., NotImplemented, type(None), range(3), slice(1, 2), dict.fromkeys, io.BytesIO]
    assert call(cloud, same, values) == values


def test_itemgetter_and_attrgetter(cloud: ModuleType) -> None:
    assert call(cloud, operator.itemgetter(1, 0), "ab") == ("b", "a")
    assert call(cloud, operator.attrgetter("count"), Counter(2)) == 2
    assert call(cloud, operator.methodcaller("upper"), "a") == "A"


def test_properties(cloud: ModuleType) -> None:
    prop = property(lambda self: self.count + 1, doc="one more")
    copy = call(cloud, same, prop)
    assert (copy.fget(Counter(1)), copy.__doc__) == (2, "one more")
    assert call(cloud, lambda counter: counter.twice, Counter(4)) == 8


def test_namedtuples(cloud: ModuleType) -> None:
    assert call(cloud, same, Pair(1, 2)) == Pair(1, 2)
    here = namedtuple("here", "x y")  # noqa: PYI024 - as they were made then
    copy = call(cloud, lambda point: point._replace(x=point.x + 1), here(1, 2))
    assert copy == (2, 2)
    assert type(copy) is here


def test_closures_and_functions_in_functions(cloud: ModuleType) -> None:
    factor = 3

    def outer(n: int) -> int:
        def inner(m: int) -> int:
            return m * factor

        return inner(n) + 1

    assert call(cloud, outer, 2) == 7
    assert call(cloud, lambda f: f(2), outer) == 7
    assert call(cloud, lambda: lambda x: x + factor)(1) == 4


def test_defaults_attributes_and_keyword_defaults_of_functions(cloud: ModuleType) -> None:
    def function(a: int = 1, *, b: int = 2) -> Any:
        return a, b, function.note  # type: ignore[attr-defined]  # set below

    function.note = "kept"  # type: ignore[attr-defined]  # an attribute that functions do not declare
    assert call(cloud, function) == (1, 2, "kept")


@pytest.mark.parametrize("level", [0, 1])
def test_code_objects(cloud: ModuleType, level: int) -> None:
    code = compile("x * 2", "<text>", "eval")
    assert call(cloud, eval, code, {"x": 3}, _fast_serialization=level) == 6
    copy = call(cloud, same, Counter.add.__code__, _fast_serialization=level)
    assert copy == Counter.add.__code__


def test_a_function_that_its_module_has_under_no_name(cloud: ModuleType) -> None:
    """Its decorator has taken its place."""
    assert call(cloud, decorated, 2) == "decorated 4"
    hidden: Any = decorated
    assert call(cloud, hidden.__wrapped__, 2) == 4
    assert call(cloud, lambda: hidden.__wrapped__(3)) == 6


def test_a_recursive_function(cloud: ModuleType) -> None:
    def factorial(n: int) -> int:
        return 1 if n < 2 else n * factorial(n - 1)

    assert call(cloud, factorial, 20) == 2432902008176640000


def test_local_classes_their_bases_and_instances(cloud: ModuleType) -> None:
    class Base:
        kind = "base"

        def who(self) -> str:
            return f"{self.kind} {type(self).__name__}"

    class Derived(Base):
        kind = "derived"

        def who(self) -> str:
            return super().who() + "!"

    assert call(cloud, lambda thing: thing.who(), Derived()) == "derived Derived!"
    assert type(call(cloud, Derived)) is Derived


def test_a_class_that_names_itself(cloud: ModuleType) -> None:
    class Node:
        registry: ClassVar[dict[str, Any]] = {}

        def __init__(self, following: Any = None) -> None:
            self.following = following

        def longer(self) -> Any:
            return Node(self)

    Node.registry["self"] = Node
    copy = call(cloud, lambda node: node.longer(), Node())
    assert type(copy) is Node
    assert type(copy.following) is Node
    assert call(cloud, lambda: Node.registry["self"] is Node)


def test_local_enums_and_dataclasses(cloud: ModuleType) -> None:
    class Color(Enum):
        RED = 1

    @dataclass(frozen=True)
    class Point:
        x: int
        color: Color = Color.RED

    copy = call(cloud, same, Point(1))
    assert copy == Point(1)
    assert copy.color is Color.RED


def test_objects_that_hold_each_other(cloud: ModuleType) -> None:
    ring: list[Any] = [1]
    ring.append({"ring": ring})
    copy = call(cloud, same, ring)
    assert copy[1]["ring"] is copy
    one, two = Counter(1), Counter(2)
    one.other, two.other = two, one  # type: ignore[attr-defined]  # attributes that their class does not declare
    copy = call(cloud, same, one)
    assert copy.other.other is copy


def test_what_two_arguments_share_is_shared_in_the_job(cloud: ModuleType) -> None:
    shared = [1]

    def change(a: list[int], b: list[int]) -> bool:
        a.append(2)
        return b == [1, 2]

    assert call(cloud, change, shared, shared)


def test_transient_attributes_stay_behind(cloud: ModuleType) -> None:
    class Holding:
        __transient__ = ("lock", "absent")

        def __init__(self) -> None:
            self.lock = threading.Lock()
            self.kept = 1

    class Slotted:
        __slots__ = ("kept", "lock")
        __transient__: ClassVar[list[str]] = ["lock"]

        def __init__(self) -> None:
            self.lock = threading.Lock()
            self.kept = 1

    class Itself:
        def __init__(self) -> None:
            self.__transient__ = "lock"
            self.lock = threading.Lock()
            self.kept = 1

    class WithState:
        __transient__ = frozenset({"lock"})

        def __init__(self) -> None:
            self.lock = threading.Lock()

        def __getstate__(self) -> dict[str, Any]:
            return {**vars(self), "kept": 1}

    def look(thing: Any) -> Any:
        return hasattr(thing, "lock"), thing.kept

    for kind in (Holding, Slotted, Itself, WithState):
        thing = kind()
        assert call(cloud, look, thing) == (False, 1), kind
        assert call(cloud, look, thing, _fast_serialization=1) == (False, 1), kind
        assert hasattr(thing, "lock")
    assert not hasattr(call(cloud, Holding), "lock"), "results too"


def test_standard_output_and_error_are_the_jobs_own(cloud: ModuleType) -> None:
    import sys

    def writing(out: Any, err: Any) -> bool:
        print("to out", file=out)
        print("to err", file=err)
        return out is sys.stdout and err is sys.stderr

    jid = cloud.call(writing, sys.stdout, sys.stderr)
    assert cloud.result(jid, timeout=FAST)
    facts = cloud.info(jid)[jid]
    assert (facts["stdout"], facts["stderr"]) == ("to out\n", "to err\n")
    jid = cloud.call(functools.partial(print, "from a partial", file=sys.__stdout__))
    cloud.join(jid, timeout=FAST)
    assert cloud.info(jid, "stdout")[jid]["stdout"] == "from a partial\n"


def test_modules_go_by_name(cloud: ModuleType) -> None:
    import json

    assert call(cloud, lambda module: module.dumps([1]), json) == "[1]"
    assert call(cloud, same, json) is json


@pytest.mark.parametrize("value", [memoryview(b"abc"), {1: 2}.keys(), {1: 2}.items()])
def test_views_come_by_content(cloud: ModuleType, value: Any) -> None:
    assert list(call(cloud, same, value)) == list(value)
