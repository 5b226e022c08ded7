"""What `cloud.info` says, made from the node's facts.

Facts that the node gives for each job in `wire.messages.Info.jobs`, whatever keys were asked for unless said otherwise::

    jid           int
    status        int, the stored code (model.job.BY_CODE)
    label         str, '' if none
    function      str, 'module.name at file:line'
    created       float, Unix time of acceptance
    started       float or None: start of the attempt that ended or runs
    finished      float or None
    runtime       float or None, seconds; live while it runs
    stdout        str, '' when nothing was written; live while it runs; if stdout, stderr or log was asked for
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
    args          [offset, length] into the body: the item's payload (a pickle or the segment layout); if args or kwargs was asked
    profile       [offset, length, functions left out] into the body: text of model.profile; if it was asked for and made
    func_object   [offset, length] into the body: the function's payload; if it was asked for
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from picloud.client import profiles
from picloud.client.session import Session
from picloud.exceptions import SerializationError
from picloud.model import job
from picloud.model.cause import Cause
from picloud.model.ids import JidRange
from picloud.wire import messages, payload

DEFAULT = ("stdout", "stderr", "status", "runtime")
"""Keys that are given when none is asked for."""

_EMPTY = {
    "logging": "",
    "pilog": "",
    "syslog": "",
    "env": "",
    "ports": "",
    "creator_api_key": None,
}
"""Keys of PiCloud whose machinery does not exist: nothing was ever recorded under them."""

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


def _cause(facts: Mapping[str, Any], _body: memoryview) -> str | None:
    cause = facts.get("cause")
    return str(Cause.from_list(cause)) if cause else None


def _progress(facts: Mapping[str, Any], _body: memoryview) -> dict[str, Any] | None:
    progress = facts.get("progress")
    return dict(zip(("done", "total", "note"), progress, strict=True)) if progress else None


def _fact(name: str) -> Callable[[Mapping[str, Any], memoryview], Any]:
    return lambda facts, body: facts.get(name)


_VALUES: dict[str, Callable[[Mapping[str, Any], memoryview], Any]] = {
    "status": lambda facts, body: str(job.BY_CODE[facts["status"]]),
    "stdout": lambda facts, body: facts.get("stdout") or "",
    "stderr": lambda facts, body: facts.get("stderr") or "",
    "runtime": _fact("runtime"),
    "exception": _fact("exception"),
    "created": lambda facts, body: _time(facts.get("created")),
    "started": lambda facts, body: _time(facts.get("started")),
    "finished": lambda facts, body: _time(facts.get("finished")),
    "label": lambda facts, body: facts.get("label") or "",
    "function": _fact("function"),
    "args": _args,
    "kwargs": _kwargs,
    "func_object": lambda facts, body: _object(facts, body, "func_object"),
    "attributes": _attributes,
    "profile": lambda facts, body: profiles.text(*_profile(facts, body)),
    "profile_stats": lambda facts, body: profiles.statistics(_profile(facts, body)[0]),
    "vol": lambda facts, body: [],
    "cause": _cause,
    "progress": _progress,
    "log": lambda facts, body: facts.get("log") or "",
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
    "max_runtime": lambda facts, body: _minutes(facts.get("max_runtime")),
    "depends_on": lambda facts, body: [
        jid for start, stop in facts.get("depends_on", ()) for jid in range(start, stop)
    ],
}

GROUPS: dict[str, tuple[str, ...]] = {
    "memory": ("memory.max_usage",),
}
"""Keys that stand for several."""

NAMES: frozenset[str] = frozenset(_VALUES) | frozenset(_EMPTY) | frozenset(GROUPS)
"""Every key that can be asked for, besides 'all'."""

_BULKY = ("args", "kwargs", "func_object")


def get_info(session: Session, ranges: Sequence[JidRange], keys: Sequence[str]) -> dict[int, dict[str, Any]]:
    """Return a dict of the asked keys for each job; `all` is everything.

    Raises:
        CloudException: what the node says, such as `UnknownJobError`.
        SerializationError: if arguments or function cannot be rebuilt here.
    """
    names = sorted(_VALUES) + sorted(_EMPTY) if "all" in keys else [n for key in keys for n in GROUPS.get(key, (key,))]
    bulky = [name for name in _BULKY if name in names]
    if "profile_stats" in names:
        bulky.append("profile")
    received = session.request(messages.GetInfo([list(pair) for pair in ranges], [*names, *bulky]))
    message = messages.expect(received.message, messages.Info)
    body = memoryview(received.body)
    return {facts["jid"]: {name: _value(name, facts, body) for name in names} for facts in message.jobs}


def _value(name: str, facts: Mapping[str, Any], body: memoryview) -> Any:
    get = _VALUES.get(name)
    return _EMPTY[name] if get is None else get(facts, body)
