"""What `cloud.info` says, made from the node's facts.

Facts that the node gives for each job, those that `wire.messages.GetInfo` names (`model.facts` is how they travel)::

    jid           int, always
    status        int, the stored code (model.job.BY_CODE)
    label         str, '' if none
    function      str, 'module.name at file:line'
    created       float, Unix time of acceptance
    started       float or None: start of the attempt that ended or runs
    finished      float or None
    runtime       float or None, seconds; live while it runs
    stdout        str, '' when nothing was written; live while it runs
    stderr        str, likewise
    exception     str or None, the traceback
    cause         [kind, number, detail] or None (model.cause.Cause.to_list)
    peak          int or None, bytes: largest resident set, where it is known
    progress      [done, total or None, note] or None: what the job said last of how far it is; live while it runs
    log           str, likewise: the job's own remarks
    attempt       int, from 1
    worker        int or None
    parent        int or None: jid of the submitting job
    hostname      str, the client's host
    interpreter   str, path of the Python that it runs in
    python        str, its minor version
    cwd           str
    priority      int
    core_type     str
    cores         int
    restartable   bool
    max_runtime   float or None, seconds
    depends_on    [[first jid, behind the last], ...]
    is_map        bool
    array         [first jid, count]
    ports         {protocol: {port: address}} while it runs, else None; only if it was asked for
    args          [offset, length] into the body: the item's payload (a pickle or the segment layout); only if it was asked for
    func_object   [offset, length] into the body: the function's payload; only if it was asked for
    profile       [offset, length, functions left out] into the body: text of model.profile; only if it was asked for and made
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from picloud.client import profiles
from picloud.client.session import Session
from picloud.exceptions import SerializationError
from picloud.model import job
from picloud.model.cause import Cause
from picloud.model.facts import decode
from picloud.model.ids import JidRange, batches, each
from picloud.wire import messages, payload

DEFAULT = ("stdout", "stderr", "status", "runtime")
"""Keys that are given when none is asked for."""

_EMPTY: dict[str, object] = {
    "logging": "",
    "pilog": "",
    "syslog": "",
    "env": "",
    "creator_api_key": None,
    "memory.failcnt": None,
    "memory.usage": None,
    "swap.max_usage": None,
    "swap.usage": None,
    "disk.usage": None,
    "cputime.user": None,
    "cputime.system": None,
    "cpu_percentage.user": None,
    "cpu_percentage.system": None,
}
"""Keys of PiCloud that nothing is recorded under: their machinery does not exist, and no number is made up."""

_STATUS = [str(status) for status in job.BY_CODE]

_ATTRIBUTES = {
    "code_version": "python",
    "core_type": "core_type",
    "cores": "cores",
    "creator_hostname": "hostname",
    "function": "function",
    "label": "label",
    "parent_jid": "parent",
    "interpreter": "interpreter",
    "cwd": "cwd",
    "priority": "priority",
    "restartable": "restartable",
}


def _time(value: float | None) -> datetime | None:
    """Return a moment in local time, without a zone, as PiCloud gave it."""
    return None if value is None else datetime.fromtimestamp(value)  # noqa: DTZ006 - local, without a zone


def _minutes(seconds: float | None) -> float | None:
    return None if seconds is None else seconds / 60


def _attributes(facts: Mapping[str, Any], _body: memoryview) -> dict[str, Any]:
    fixed = {name: facts.get(fact) for name, fact in _ATTRIBUTES.items()}
    return {**fixed, "creator_api_key": None, "env": "", "max_runtime": _minutes(facts.get("max_runtime")), "vol": []}


def _object(facts: Mapping[str, Any], body: memoryview, fact: str) -> Any:
    offset, length = facts[fact]
    try:
        return payload.load(body[offset : offset + length])
    except Exception as error:
        raise SerializationError(
            f"{fact} cannot be rebuilt here: {type(error).__name__}: {error}", jid=facts["jid"]
        ) from error


_BULKY = frozenset({"args", "kwargs", "func_object"})


def _args(facts: Mapping[str, Any], body: memoryview) -> Any:
    value = _object(facts, body, "args")
    return value if facts["is_map"] else value[0]


def _kwargs(facts: Mapping[str, Any], body: memoryview) -> Any:
    return {} if facts["is_map"] else _object(facts, body, "args")[1]


def _profile(facts: Mapping[str, Any], body: memoryview) -> tuple[bytes, int]:
    """Return the text of a profile, b'' if there is none, and how many functions were left out of it."""
    if not facts.get("profile"):
        return b"", 0
    offset, length, left_out = facts["profile"]
    return bytes(body[offset : offset + length]), left_out


def _function(facts: Mapping[str, Any], body: memoryview) -> Any:
    return _object(facts, body, "func_object")


def _cause(facts: Mapping[str, Any], _body: memoryview) -> str | None:
    cause = facts.get("cause")
    return str(Cause.from_list(cause)) if cause else None


def _progress(facts: Mapping[str, Any], _body: memoryview) -> dict[str, Any] | None:
    progress = facts.get("progress")
    return dict(zip(("done", "total", "note"), progress, strict=True)) if progress else None


def _ports(facts: Mapping[str, Any], _body: memoryview) -> Any:
    ports = facts.get("ports")
    if ports is None:
        return ""
    return {
        protocol: {int(port): {"address": address, "port": int(port)} for port, address in found.items()}
        for protocol, found in ports.items()
    }


class _Key(NamedTuple):
    """How one key's value is made."""

    facts: tuple[str, ...]
    """The facts that it needs."""
    value: Callable[[Mapping[str, Any], memoryview], Any]
    """Its value, out of those and the body."""


def _fact(name: str) -> _Key:
    return _Key((name,), lambda facts, body: facts.get(name))


def _moment(name: str) -> _Key:
    return _Key((name,), lambda facts, body: _time(facts.get(name)))


def _text(name: str) -> _Key:
    return _Key((name,), lambda facts, body: facts.get(name) or "")


_VALUES: dict[str, _Key] = {
    "status": _Key(("status",), lambda facts, body: _STATUS[facts["status"]]),
    "stdout": _text("stdout"),
    "stderr": _text("stderr"),
    "runtime": _fact("runtime"),
    "exception": _fact("exception"),
    "created": _moment("created"),
    "started": _moment("started"),
    "finished": _moment("finished"),
    "label": _text("label"),
    "function": _fact("function"),
    "args": _Key(("args", "is_map"), _args),
    "kwargs": _Key(("args", "is_map"), _kwargs),
    "func_object": _Key(("func_object",), _function),
    "attributes": _Key((*_ATTRIBUTES.values(), "max_runtime"), _attributes),
    "profile": _Key(("profile",), lambda facts, body: profiles.text(*_profile(facts, body))),
    "profile_stats": _Key(("profile",), lambda facts, body: profiles.statistics(_profile(facts, body)[0])),
    "vol": _Key((), lambda facts, body: []),
    "ports": _Key(("ports",), _ports),
    "cause": _Key(("cause",), _cause),
    "progress": _Key(("progress",), _progress),
    "log": _text("log"),
    "memory.max_usage": _fact("peak"),
    "attempt": _fact("attempt"),
    "worker": _fact("worker"),
    "parent_jid": _fact("parent"),
    "creator_hostname": _fact("hostname"),
    "code_version": _fact("python"),
    "interpreter": _fact("interpreter"),
    "cwd": _fact("cwd"),
    "priority": _fact("priority"),
    "type": _fact("core_type"),
    "core_type": _fact("core_type"),
    "cores": _fact("cores"),
    "restartable": _fact("restartable"),
    "max_runtime": _Key(("max_runtime",), lambda facts, body: _minutes(facts.get("max_runtime"))),
    "depends_on": _Key(("depends_on",), lambda facts, body: list(each(facts.get("depends_on", ())))),
}

GROUPS: dict[str, tuple[str, ...]] = {
    "memory": (
        "memory.failcnt",
        "memory.max_usage",
        "memory.usage",
        "swap.max_usage",
        "swap.usage",
        "disk.usage",
    ),
    "swap": ("swap.max_usage", "swap.usage"),
    "disk": ("disk.usage",),
    "cputime": ("cputime.user", "cputime.system"),
    "cpu_percentage": ("cpu_percentage.user", "cpu_percentage.system"),
}
"""Keys that stand for several, which are given flat."""

ALIASES: dict[str, str] = {"func_body": "func_object"}
"""Other names of keys."""

NAMES: frozenset[str] = frozenset(_VALUES) | frozenset(_EMPTY) | frozenset(GROUPS) | frozenset(ALIASES)
"""Every key that can be asked for, besides 'all'."""

REQUEST_RANGES = 8192
"""Ranges of jids in one request at most."""


def get_info(session: Session, ranges: Sequence[JidRange], keys: Sequence[str]) -> dict[int, dict[str, Any]]:
    """Return a dict of the asked keys for each job; `all` is everything, and has an error in the place of what cannot be rebuilt.

    Raises:
        CloudException: what the node says, such as `UnknownJobError`.
        SerializationError: if arguments or a function that were asked for by name cannot be rebuilt here.
    """
    found: dict[int, dict[str, Any]] = {}
    everything = "all" in keys
    names = sorted({*_VALUES, *_EMPTY}) if everything else [n for key in keys for n in GROUPS.get(key, (key,))]
    makers = [(name, _maker(ALIASES.get(name, name), lenient=everything)) for name in names]
    wanted = sorted({fact for name in names for fact in _needs(ALIASES.get(name, name))}) or ["status"]
    for some in batches(ranges, REQUEST_RANGES):
        left = [list(pair) for pair in some]
        while left:
            received = session.request(messages.GetInfo(left, wanted))
            message = messages.expect(received.message, messages.Info)
            page, body = memoryview(received.body)[: message.length], memoryview(received.body)[message.length :]
            for facts in decode(page):
                found[facts["jid"]] = {name: make(facts, body) for name, make in makers}
            left = message.rest
    return found


def _needs(name: str) -> tuple[str, ...]:
    return _VALUES[name].facts if name in _VALUES else ()


def _maker(name: str, *, lenient: bool = False) -> Callable[[Mapping[str, Any], memoryview], Any]:
    """Return what makes the value of a key; a lenient one gives an error instead of raising it."""
    if name in _EMPTY:
        return lambda facts, body: _EMPTY[name]
    make = _VALUES[name].value
    return partial(_or_error, make) if lenient and name in _BULKY else make


def _or_error(make: Callable[[Mapping[str, Any], memoryview], Any], facts: Mapping[str, Any], body: memoryview) -> Any:
    try:
        return make(facts, body)
    except SerializationError as error:
        return error
