"""Which part of an object cannot be pickled: the path to it, as Python would write it."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

MAX_TRIES = 1000
"""Picklings that a search may cost at most."""

MAX_DEPTH = 60
"""Levels that a search goes down."""

Dumps = Callable[[Any], object]


class Part(NamedTuple):
    """One part of an object."""

    step: str
    """What leads to it, such as `['deep']` or `.lock`."""
    value: Any
    """The part."""


class Culprit(NamedTuple):
    """What cannot be pickled."""

    path: str
    """Path and type of the innermost part that is refused, such as `args[0]['deep'][3]: generator`."""
    value: object
    """That part."""


def find(value: object, roots: Sequence[Part], dumps: Dumps, depth: int = MAX_DEPTH) -> Culprit:
    """Return the innermost part of a value that `dumps` refuses, at most `depth` levels down."""
    search = _Search(dumps)
    path = ""
    culprit: object = value
    parts: Iterable[Part] = roots
    for _ in range(depth):
        part = search.first_refused(parts)
        if part is None:
            break
        path += part.step
        culprit = part.value
        parts = parts_of(culprit)
    name = type(culprit).__name__
    return Culprit(f"{path}: {name}" if path else name, culprit)


def argument_roots(value: Any, is_map: bool) -> list[Part]:
    """Return the parts that a map item's tuple of arguments, or a call's (args, kwargs), begin with."""
    args, kwargs = (value, {}) if is_map else value
    named = [Part(f"kwargs[{name!r}]", item) for name, item in kwargs.items()]
    return [Part(f"args[{i}]", item) for i, item in enumerate(args)] + named


def function_roots(function: object) -> list[Part]:
    """Return the function itself as the one beginning."""
    return [Part(getattr(function, "__qualname__", type(function).__name__), function)]


class _Search:
    """Halves what there is to look at, so that one culprit in a million costs twenty picklings."""

    def __init__(self, dumps: Dumps) -> None:
        self._dumps = dumps
        self._left = MAX_TRIES
        self._seen: dict[int, object] = {}

    def first_refused(self, parts: Iterable[Part]) -> Part | None:
        left = [part for part in parts if id(part.value) not in self._seen]
        if not left or not self._refused(left):
            return None
        while len(left) > 1:
            half = left[: len(left) // 2]
            left = half if self._refused(half) else left[len(half) :]
        self._seen[id(left[0].value)] = left[0].value
        return left[0]

    def _refused(self, parts: list[Part]) -> bool:
        self._left -= 1
        if self._left < 0:
            return False
        try:
            self._dumps([part.value for part in parts])
        except Exception:
            return True
        return False


def parts_of(value: Any) -> Iterator[Part]:
    """Yield what an object is made of, likely culprits and all."""
    if isinstance(value, Mapping):
        for key, item in list(value.items()):
            yield Part(f"[{_short(key)}]", item)
        yield from (Part(f".keys[{i}]", key) for i, key in enumerate(list(value)))
    elif isinstance(value, (list, tuple)):
        yield from (Part(f"[{i}]", item) for i, item in enumerate(value))
    elif isinstance(value, (set, frozenset)):
        yield from (Part(f".items[{i}]", item) for i, item in enumerate(value))
    if isinstance(value, types.FunctionType):
        yield from _function_parts(value)
    elif isinstance(value, types.MethodType):
        yield from (Part(".__self__", value.__self__), Part(".__func__", value.__func__))
    elif isinstance(value, functools.partial):
        yield from (Part(".func", value.func), Part(".args", value.args), Part(".keywords", value.keywords))
    elif isinstance(value, type):
        yield from (Part(f".{name}", item) for name, item in list(vars(value).items()))
    else:
        yield from _state_parts(value)


def _function_parts(function: types.FunctionType) -> Iterator[Part]:
    code = function.__code__
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=False):
        try:
            yield Part(f" <variable {name}>", cell.cell_contents)
        except ValueError:
            continue
    for name in sorted(_names(code)):
        if name in function.__globals__:
            yield Part(f" <global {name}>", function.__globals__[name])
    yield from (Part(f" <default {i}>", item) for i, item in enumerate(function.__defaults__ or ()))
    yield from (Part(f" <default {name}>", item) for name, item in (function.__kwdefaults__ or {}).items())
    yield from (Part(f".{name}", item) for name, item in vars(function).items())


def _names(code: types.CodeType) -> set[str]:
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _names(constant)
    return names


def _state_parts(value: Any) -> Iterator[Part]:
    """Yield an instance's attributes, and what it reduces to."""
    if type(value).__module__ == "builtins" and not isinstance(value, BaseException):
        return
    state = getattr(value, "__dict__", None)
    if isinstance(state, dict):
        yield from (Part(f".{name}", item) for name, item in list(state.items()))
    for kind in type(value).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(value, name):
                yield Part(f".{name}", getattr(value, name))
    try:
        reduced = value.__reduce_ex__(5)
    except Exception:
        return
    if isinstance(reduced, tuple) and len(reduced) > 1:
        yield from (Part(f".<argument {i}>", item) for i, item in enumerate(reduced[1]))


def _short(key: object) -> str:
    text = repr(key)
    return text if len(text) <= 60 else text[:57] + "..."
