"""What info says, out of the node's facts."""

from __future__ import annotations

import pickle
from datetime import datetime
from typing import Any

import pytest

from picloud.client import info
from picloud.exceptions import SerializationError
from picloud.model import job

FACTS: dict[str, Any] = {
    "jid": 3,
    "status": job.DONE,
    "label": "night",
    "function": "m.f at m.py:1",
    "created": 1000.0,
    "started": 1001.0,
    "finished": 1002.5,
    "runtime": 1.5,
    "stdout": "out",
    "stderr": "",
    "exception": None,
    "cause": ["signal", 11, ""],
    "peak": 1 << 20,
    "progress": [3, 10, "half"],
    "log": "begun\n",
    "attempt": 2,
    "worker": 4,
    "parent": 1,
    "hostname": "here",
    "interpreter": "/bin/python",
    "python": "3.11",
    "cwd": "/",
    "priority": 5,
    "core_type": "c1",
    "cores": 1,
    "restartable": True,
    "max_runtime": 90.0,
    "depends_on": [[1, 3]],
    "is_map": False,
    "array": [3, 1],
}


def _value(name: str, body: bytes = b"", **facts: Any) -> Any:
    return info._maker(name)({**FACTS, **facts}, memoryview(body))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "done"),
        ("stdout", "out"),
        ("stderr", ""),
        ("runtime", 1.5),
        ("exception", None),
        ("progress", {"done": 3, "total": 10, "note": "half"}),
        ("log", "begun\n"),
        ("created", datetime.fromtimestamp(1000)),  # noqa: DTZ006 - local, as PiCloud's
        ("finished", datetime.fromtimestamp(1002.5)),  # noqa: DTZ006 - local time is the point
        ("label", "night"),
        ("cause", "signal 11"),
        ("memory.max_usage", 1 << 20),
        ("max_runtime", 1.5),
        ("depends_on", [1, 2]),
        ("parent_jid", 1),
        ("type", "c1"),
        ("env", ""),
        ("vol", []),
        ("ports", ""),
    ],
)
def test_values(name: str, value: object) -> None:
    assert _value(name) == value


def test_what_has_not_happened_is_none() -> None:
    assert _value("finished", finished=None) is None
    assert _value("cause", cause=None) is None
    assert _value("max_runtime", max_runtime=None) is None


def test_statuses_are_plain_text() -> None:
    assert type(_value("status")) is str


def test_arguments_of_a_call_and_of_a_map() -> None:
    body = b"...." + pickle.dumps(((1, 2), {"a": 3}))
    assert _value("args", body, args=[4, len(body) - 4]) == (1, 2)
    assert _value("kwargs", body, args=[4, len(body) - 4]) == {"a": 3}
    body = pickle.dumps((1, 2))
    assert _value("args", body, args=[0, len(body)], is_map=True) == (1, 2)
    assert _value("kwargs", body, args=[0, len(body)], is_map=True) == {}


def test_a_function_that_cannot_be_rebuilt() -> None:
    body = pickle.dumps(len)
    assert _value("func_object", body, func_object=[0, len(body)]) is len
    with pytest.raises(SerializationError, match="func_object cannot be rebuilt here"):
        _value("func_object", b"rubbish", func_object=[0, 7])


def test_attributes() -> None:
    attributes = _value("attributes")
    assert attributes["core_type"] == "c1"
    assert attributes["max_runtime"] == 1.5
    assert attributes["creator_hostname"] == "here"


def test_ports() -> None:
    ports = {"tcp": {"80": "127.0.0.1"}, "udp": {}}
    assert _value("ports", ports=ports) == {"tcp": {80: {"address": "127.0.0.1", "port": 80}}, "udp": {}}
    assert _value("ports", ports=None) == ""


def test_everything_has_an_error_in_the_place_of_what_cannot_be_rebuilt() -> None:
    value = info._maker("args", lenient=True)({**FACTS, "args": [0, 7]}, memoryview(b"rubbish"))
    assert isinstance(value, SerializationError)
    assert value.jid == 3


def test_every_name_has_a_value() -> None:
    for name in info.NAMES - set(info.GROUPS) - set(info.ALIASES) - {"args", "kwargs", "func_object"}:
        _value(name)
    assert all(member in info.NAMES for members in info.GROUPS.values() for member in members)
    assert set(info.ALIASES.values()) <= info.NAMES
    assert set(info.DEFAULT) <= info.NAMES


def test_keys_need_facts_that_there_are() -> None:
    bulky = {"args", "func_object", "ports", "profile"}
    for key in info._VALUES.values():
        assert set(key.facts) <= FACTS.keys() | bulky
