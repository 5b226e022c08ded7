"""Every rule of what the functions of `cloud` accept: jids, timeouts, and the reserved keywords of a job."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from numbers import Integral, Real
from typing import Any, NamedTuple

from cloud import _signature
from picloud.exceptions import ArgumentTypeError, ArgumentValueError, UnknownJobError
from picloud.model import ids
from picloud.model.core_type import BUILTIN, DEFAULT
from picloud.model.ids import JidRange
from picloud.model.job import Status

_MAX_JID = 1 << 63
_MOST = 1 << 63
"""What a node can keep of a number, either side of zero."""


class Keywords(NamedTuple):
    """The reserved keywords of one submission."""

    options: dict[str, Any]
    """Fields of `model.array.JobOptions` that differ from their defaults; `depends_on` as JSON ranges."""
    variables: dict[str, str]
    """Environment variables for the job."""
    callbacks: tuple[Callable[..., Any], ...] = ()
    """What the client calls when the job ends as done."""
    error_callbacks: tuple[Callable[..., Any], ...] = ()
    """What it calls when the job ends otherwise."""


def jid_ranges(jids: object) -> list[JidRange]:
    """Return jids as ranges in the order given.

    Raises:
        ArgumentTypeError: unless they are an int, a range, or an iterable of those.
        UnknownJobError: for numbers that no job can have.
    """
    ranges = ids.ranges_of(jids)
    for start, stop in ranges:
        if start < 1 or stop > _MAX_JID:
            raise UnknownJobError("Does not exist or was deleted", jid=start if start < 1 else stop - 1)
    return ranges


def is_one(jids: object) -> bool:
    """Return whether a single job was named, not a collection that holds one."""
    return isinstance(jids, (int, Integral))


def one_jid(jid: object) -> int:
    """Return the jid of a single job.

    Raises:
        ArgumentTypeError: unless it is an int.
        UnknownJobError: for a number that no job can have.
    """
    if not ids.is_integer(jid):
        raise ArgumentTypeError(f"jid must be an integer, not {type(jid).__name__}")
    return jid_ranges(jid)[0][0]


def status_of(status: object) -> Status:
    """Return a status by its name.

    Raises:
        ArgumentTypeError: if it is no text.
        ArgumentValueError: if there is none of that name.
    """
    if not isinstance(status, str):
        raise ArgumentTypeError(f"test_status must be a string, not {type(status).__name__}")
    if status not in list(Status):
        names = ", ".join(Status)
        raise ArgumentValueError(
            f"There is no status {status!r}{_did_you_mean(status, map(str, Status)) or f'; there are {names}'}"
        )
    return Status(status)


def port_of(port: object, protocol: object) -> tuple[int, str]:
    """Return a port and its protocol.

    Raises:
        ArgumentTypeError: unless they are an int and text.
        ArgumentValueError: if no socket can have that port, or for another protocol than tcp and udp.
    """
    number = _integer("port", port)
    if not 0 < number < 1 << 16:
        raise ArgumentValueError(f"port must be 1 to 65535, not {number}")
    if not isinstance(protocol, str):
        raise ArgumentTypeError(f"protocol must be a string, not {type(protocol).__name__}")
    if protocol not in ("tcp", "udp"):
        raise ArgumentValueError(f"protocol must be 'tcp' or 'udp', not {protocol!r}")
    return number, protocol


def timeout_of(timeout: object) -> float | None:
    """Return a timeout in seconds, None for no limit.

    Raises:
        ArgumentTypeError: if it is no number.
        ArgumentValueError: if it is negative or not a number of seconds.
    """
    if timeout is None:
        return None
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float, Real)):
        raise ArgumentTypeError(f"timeout must be a number of seconds or None, not {type(timeout).__name__}")
    seconds = _float(timeout)
    if math.isnan(seconds) or seconds < 0:
        raise ArgumentValueError(f"timeout must not be negative, and {_short(timeout)} is not a time to wait")
    return None if math.isinf(seconds) else seconds


def info_keys(requested: object) -> list[str]:
    """Return the keys that `info` is asked for; none asked for are PiCloud's four.

    Raises:
        ArgumentTypeError: unless it is text or an iterable of text.
        ArgumentValueError: for a key that does not exist.
    """
    from picloud.client.info import DEFAULT as DEFAULT_KEYS
    from picloud.client.info import NAMES

    if isinstance(requested, str):
        requested = [requested] if requested else []
    elif requested is None:
        requested = []
    elif isinstance(requested, bytes) or not isinstance(requested, Iterable):
        raise ArgumentTypeError("info_requested must be a valid string value or list of strings")
    keys = list(requested)
    for key in keys:
        if not isinstance(key, str):
            raise ArgumentTypeError("info_requested must be a valid string value or list of strings")
        if key != "all" and key not in NAMES:
            raise ArgumentValueError(f"info has no key {key!r}{_did_you_mean(key, NAMES)}")
    return keys or list(DEFAULT_KEYS)


def module_names(names: object) -> list[str] | None:
    """Return names of modules, None for none given.

    Raises:
        ArgumentTypeError: unless they are None or an iterable of text.
    """
    if names is None:
        return None
    if isinstance(names, (str, bytes)) or not isinstance(names, Iterable):
        raise ArgumentTypeError(f"whitelist must be a list of module names or None, not {type(names).__name__}")
    found = list(names)
    if not all(isinstance(name, str) for name in found):
        raise ArgumentTypeError("whitelist must hold names of modules")
    return found


def check_function(function: object, caller: str) -> None:
    """Refuse what cannot be called.

    Raises:
        ArgumentTypeError: with PiCloud's words.
    """
    if not callable(function):
        raise ArgumentTypeError(f"{caller} first argument ({_short(function)}) is not callable")


def check_iterables(iterables: tuple[object, ...], caller: str) -> None:
    """Refuse arguments of a map that are no iterables, and text, of which the letters are hardly meant.

    Raises:
        ArgumentValueError: if there are none.
        ArgumentTypeError: naming the one.
    """
    if not iterables:
        raise ArgumentValueError(f"{caller} needs at least 2 arguments")
    for number, argument in enumerate(iterables, 1):
        if isinstance(argument, (str, bytes, bytearray)) or not isinstance(argument, Iterable):
            hint = ""
            if callable(argument) and getattr(getattr(argument, "__code__", None), "co_flags", 0) & 0x20:
                hint = f": it is a generator function, call it: {getattr(argument, '__name__', 'it')}(...)"
            elif isinstance(argument, (str, bytes, bytearray)):
                hint = ": its letters are hardly meant; list(...) them if they are"
            raise ArgumentTypeError(f"map argument {number} ({_short(argument)}) is not an iterable{hint}")


def take_keywords(function: Callable[..., Any], kwargs: dict[str, Any], caller: str, *, is_map: bool) -> Keywords:
    """Take the reserved keywords out of `kwargs` and return what they say; what is left is the function's.

    Raises:
        ArgumentTypeError, ArgumentValueError: as PiCloud's API says for each keyword, and for one that does not exist.
    """
    if not kwargs:
        return Keywords({}, {})
    names = _RULES if is_map else (*_RULES, *_CALL_ONLY)
    given = {name: kwargs.pop(name) for name in names if name in kwargs}
    if is_map and kwargs:
        name = next(iter(kwargs))
        raise ArgumentValueError(
            f"Cannot pass keyword arguments into cloud.map Unexpected keyword argument {name!r}"
            f"{_did_you_mean(name, _RULES) if name not in _CALL_ONLY else ''}"
        )
    for name in kwargs:
        if name.startswith("_") and not _signature.has_parameter(function, name):
            raise ArgumentTypeError(
                f"{caller}() got an unexpected keyword argument {name!r}{_did_you_mean(name, [*_RULES, *_CALL_ONLY])}"
            )
    options: dict[str, Any] = {}
    variables: dict[str, str] = {}
    callbacks = {name: _callbacks(given.pop(name)) for name in _CALL_ONLY if name in given}
    for name, value in given.items():
        if name == "_os_env_vars":
            variables = _variables(value)
        else:
            options.update(_RULES[name](value))
    _check_cores(options)
    return Keywords(options, variables, *(callbacks.get(name, ()) for name in _CALL_ONLY))


def _integer(name: str, value: object) -> int:
    if not ids.is_integer(value):
        raise ArgumentTypeError(f"{name} must be an integer, not {type(value).__name__}")
    return int(value)


def _float(value: float | Real) -> float:
    """Return a number as a float; what is too large for one is infinite."""
    try:
        return float(value)
    except OverflowError:
        return math.copysign(math.inf, 1 if value == abs(value) else -1)


def _boolean(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise ArgumentTypeError(f"{name} must be True or False, not {type(value).__name__}")
    return value


def _label(value: object) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, str) or not value.isascii():
        raise ArgumentTypeError("_job_label must be an ASCII string")
    return {"label": value}


def _priority(value: object) -> dict[str, Any]:
    priority = _integer("_priority", value)
    if not -_MOST <= priority < _MOST:
        raise ArgumentValueError(f"_priority must be a number of at most 64 bits, not {_short(value)}")
    return {"priority": priority}


def _depends_on(value: object) -> dict[str, Any]:
    if value is None:
        return {}
    try:
        ranges = ids.ranges_of(value)
    except ArgumentTypeError:
        if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
            raise ArgumentTypeError("_depends_on must be a jid or list of jids") from None
        raise ArgumentTypeError("_depends_on list can only contain jids") from None
    return {"depends_on": [list(pair) for pair in ranges]} if ranges else {}


def _depends_on_errors(value: object) -> dict[str, Any]:
    if not isinstance(value, str):
        raise ArgumentTypeError(f"_depends_on_errors must be a string, not {type(value).__name__}")
    if value not in ("abort", "ignore"):
        raise ArgumentValueError(f"_depends_on_errors must be 'abort' or 'ignore', not {value!r}")
    return {"ignore_dependency_errors": True} if value == "ignore" else {}


def _max_runtime(value: object) -> dict[str, Any]:
    if value is None:
        return {}
    if isinstance(value, bool) or not isinstance(value, (int, float, Real)):
        raise ArgumentTypeError(f"_max_runtime must be a number of minutes, not {type(value).__name__}")
    seconds = _float(value) * 60.0
    if not math.isfinite(seconds) or seconds <= 0:
        raise ArgumentValueError(f"_max_runtime must be more than 0 minutes and finite, not {_short(value)}")
    return {"max_runtime": seconds}


def _type(value: object) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, str):
        raise ArgumentTypeError(f"_type must be a string, not {type(value).__name__}")
    if value not in BUILTIN:
        raise ArgumentValueError(f"There is no core type {value!r}; types are {', '.join(BUILTIN)}")
    return {"core_type": value, "core_type_named": True}


def _high_cpu(value: object) -> dict[str, Any]:
    """Return what the deprecated keyword stands for; it comes last among the rules, since it overrides `_type`."""
    return _type("c2") if _boolean("_high_cpu", value) else {}


def _cores(value: object) -> dict[str, Any]:
    if not ids.is_integer(value) or (cores := int(value)) < 1:
        raise ArgumentTypeError("_cores must be a positive integer")
    return {"cores": cores}


def _check_cores(options: dict[str, Any]) -> None:
    """Refuse a number of cores that the core type does not come with."""
    cores, kind = options.get("cores", 1), BUILTIN[options.get("core_type", DEFAULT)]
    if cores not in kind.multiples:
        allowed = " or ".join(map(str, kind.multiples))
        others = [other.name for other in BUILTIN.values() if cores in other.multiples]
        hint = f"_type {' or '.join(others)} can have {cores}" if others else None
        raise ArgumentValueError(f"_cores of a {kind.name} job must be {allowed}, not {cores}", hint=hint)


def _fast_serialization(value: object) -> dict[str, Any]:
    return {"fast_serialization": min(max(_integer("_fast_serialization", value), 0), 2)}


def _callbacks(value: object) -> tuple[Callable[..., Any], ...]:
    if value is None:
        return ()
    callbacks = (value,) if callable(value) or not isinstance(value, Iterable) else tuple(value)
    if not all(map(callable, callbacks)):
        raise ArgumentTypeError("All callbacks must be callable")
    return callbacks


def _volumes(value: object) -> dict[str, Any]:
    names = [value] if isinstance(value, str) else value
    if names is not None and not isinstance(names, Iterable):
        raise ArgumentTypeError(f"_vol must be a string or a list of strings, not {type(value).__name__}")
    names = list(names or ())
    if not all(isinstance(name, str) for name in names):
        raise ArgumentTypeError("_vol must be a string or a list of strings")
    return _refuse("_vol", "there are no volumes") if names else {}


def _environment(value: object) -> dict[str, Any]:
    return {} if value is None or value == "" else _refuse("_env", "there are no named environments")


def _profile(value: object) -> dict[str, Any]:
    return {"profile": True} if value else {}


def _refuse(name: str, missing: str) -> dict[str, Any]:
    raise ArgumentValueError(
        f"{name} cannot be used yet: {missing} in this version of picloud", hint=f"leave {name} out"
    )


def _variables(value: object) -> dict[str, str]:
    """Return the variables that `_os_env_vars` names or gives; names that are not set here are skipped."""
    import os

    if value is None:
        return {}
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise ArgumentTypeError("_os_env_vars must be a list of names or a dict of names and values")
    if isinstance(value, Mapping):
        pairs = list(value.items())
    else:
        names = list(value)
        pairs = [(name, os.environ.get(name) if isinstance(name, str) else None) for name in names]
        pairs = [(name, text) for name, text in pairs if text is not None or not isinstance(name, str)]
    for name, text in pairs:
        if not isinstance(name, str) or not isinstance(text, str):
            raise ArgumentTypeError("_os_env_vars must hold names and values that are strings")
        if not name or "=" in name or "\0" in name or "\0" in text:
            raise ArgumentValueError(f"_os_env_vars has a name or value that no environment can hold: {name!r}")
    return dict(pairs)


_RULES: dict[str, Callable[[Any], dict[str, Any]]] = {
    "_cores": _cores,
    "_depends_on": _depends_on,
    "_depends_on_errors": _depends_on_errors,
    "_env": _environment,
    "_fast_serialization": _fast_serialization,
    "_kill_process": lambda value: {"kill_process": True} if value else {},
    "_label": _label,
    "_max_runtime": _max_runtime,
    "_os_env_vars": _variables,
    "_priority": _priority,
    "_profile": _profile,
    "_restartable": lambda value: {} if _boolean("_restartable", value) else {"restartable": False},
    "_type": _type,
    "_vol": _volumes,
    "_high_cpu": _high_cpu,
}
"""Keywords of `call` and `map`, in the order in which they are looked at."""
_CALL_ONLY = ("_callback", "_callback_on_error")
"""Keywords that say nothing to the node; in the order of their fields in `Keywords`."""


def _did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return a suggestion in words, or nothing."""
    import difflib

    close = difflib.get_close_matches(name, list(names), 1)
    return f". Did you mean {close[0]!r}?" if close else ""


def _short(value: object) -> str:
    try:
        text = repr(value)
    except Exception:
        text = f"<{type(value).__name__}>"
    return text if len(text) <= 80 else f"{text[:77]}..."
