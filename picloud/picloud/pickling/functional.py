"""What functools makes of functions, by value where the function itself would go by value: caches, cached properties, dispatchers.

None of it travels by itself: caches are known by name alone, the others hold locks or weak references.
"""

from __future__ import annotations

import functools
import operator
import sys
from collections.abc import Callable, Mapping
from typing import Any

import cloudpickle

CACHE = type(functools.cache(len))
"""The type of what `lru_cache` and `cache` give."""

_GENERIC: Any = functools.singledispatch(len)


def _is_known_by_name(value: Any) -> bool:
    """Return whether a job can import what a module has under this value's name."""
    module, name = str(getattr(value, "__module__", None)), str(getattr(value, "__qualname__", "<unnamed>"))
    if module == "__main__" or module in cloudpickle.list_registry_pickle_by_value():
        return False
    try:
        return operator.attrgetter(name)(sys.modules[module]) is value
    except (KeyError, AttributeError):
        return False


def reduce_cache(value: Any) -> Any:
    """Reduce a cached function: what it has kept stays behind, so that each job begins with an empty cache."""
    if _is_known_by_name(value):
        return NotImplemented
    return _cache, (value.__wrapped__, dict(value.cache_parameters())), dict(vars(value))


def _cache(function: Callable[..., Any], parameters: Mapping[str, Any]) -> Any:
    return functools.lru_cache(**parameters)(function)


def reduce_property(value: functools.cached_property[Any]) -> Any:
    """Reduce a cached property without the lock that it has before Python 3.12."""
    state = {name: held for name, held in vars(value).items() if name not in {"func", "lock"}}
    return _property, (type(value), value.func), state


def _property(kind: type[functools.cached_property[Any]], function: Callable[..., Any]) -> Any:
    made = kind.__new__(kind)
    functools.cached_property.__init__(made, function)
    return made


def reduce_method(value: functools.singledispatchmethod[Any]) -> Any:
    """Reduce a method that dispatches without the weak references that it keeps from Python 3.13 on."""
    return _method, (value.func, value.dispatcher)


def _method(function: Callable[..., Any], dispatcher: Any) -> functools.singledispatchmethod[Any]:
    made = functools.singledispatchmethod(function)
    made.dispatcher = dispatcher
    return made


def is_dispatcher(value: Any) -> bool:
    """Return whether a function is what `singledispatch` gives, and would go by value."""
    return value.__code__ is _GENERIC.__code__ and not _is_known_by_name(value)


def reduce_dispatcher(value: Any) -> Any:
    """Reduce a generic function to its implementations, by the types that they are for."""
    return _dispatcher, (value.registry[object],), (dict(value.registry), _others(vars(value))), None, None, _register


def _dispatcher(function: Callable[..., Any]) -> Any:
    return functools.singledispatch(function)


def _register(dispatcher: Any, state: tuple[Mapping[type, Callable[..., Any]], Mapping[str, Any]]) -> None:
    implementations, attributes = state
    for kind, implementation in implementations.items():
        dispatcher.register(kind, implementation)
    functools.update_wrapper(dispatcher, implementations[object])
    vars(dispatcher).update(attributes)


def _others(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return what somebody has added to a generic function's attributes."""
    return {name: held for name, held in attributes.items() if name not in _OWN}


_OWN = frozenset(vars(_GENERIC))
