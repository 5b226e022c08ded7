"""The reserved keywords, row by row: what each takes, what it refuses and with which words, in call as in map."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from picloud.exceptions import ArgumentValueError

FAST = 30

RESERVED = [
    "_callback",
    "_callback_on_error",
    "_cores",
    "_depends_on",
    "_depends_on_errors",
    "_env",
    "_fast_serialization",
    "_high_cpu",
    "_kill_process",
    "_label",
    "_max_runtime",
    "_os_env_vars",
    "_priority",
    "_profile",
    "_restartable",
    "_type",
    "_vol",
]
CALL_ONLY = {"_callback", "_callback_on_error"}

NEUTRAL: dict[str, list[Any]] = {
    "_callback": [abs, [], [abs, print]],
    "_callback_on_error": [abs, (), {abs}],
    "_cores": [1, np.int64(1)],
    "_depends_on": [None, [], (), range(0), {}],
    "_depends_on_errors": ["abort", "ignore"],
    "_env": [None, ""],
    "_fast_serialization": [0, 1, 2, 3, 1 << 70, -1],
    "_high_cpu": [False],
    "_kill_process": [False, 0, "", None, True, 1, "yes", [1]],
    "_label": ["night", "", None, "a b\tc", "x" * 1000],
    "_max_runtime": [1, 0.5, 10**6, None, np.float32(2)],
    "_os_env_vars": [[], {}, (), ["NOT_THERE"], {"A": "b"}, iter(["HOME"]), None],
    "_priority": [5, 0, -1, 2**63 - 1, -(2**63), np.int64(3)],
    "_profile": [False, 0, None, True, 1, "yes"],
    "_restartable": [True, False],
    "_type": ["c1", "c2", "f2", "m1", "s1"],
    "_vol": [None, [], ()],
}
"""For each keyword, values with which a plain job runs."""

REFUSED: list[tuple[str, list[Any], type[Exception], str]] = [
    ("_cores", [0, -1, 1.0, "1", None, True, [1]], TypeError, r"_cores must be a positive integer$"),
    ("_cores", [2, 10**30], ValueError, r"_cores of a c1 job must be 1, not "),
    ("_depends_on", ["1", b"1", 1.5, True, False, object()], TypeError, r"_depends_on must be a jid or list of jids$"),
    ("_depends_on", [["1"], [1.5], [None], [[1]], [True]], TypeError, r"_depends_on list can only contain jids$"),
    ("_depends_on_errors", [None, 1, True, b"abort", ["abort"]], TypeError, r"_depends_on_errors must be a string"),
    ("_depends_on_errors", ["x", "", "Abort"], ValueError, r"_depends_on_errors must be 'abort' or 'ignore', not "),
    ("_env", ["base", 5, ["base"]], ValueError, r"_env cannot be used yet: there are no named environments"),
    ("_fast_serialization", [True, False, None, "1", 1.0], TypeError, r"_fast_serialization must be an integer, not "),
    ("_high_cpu", [1, 0, None, "c2"], TypeError, r"_high_cpu must be True or False, not "),
    ("_label", ["é", "\udc80", 5, b"night", ["night"]], TypeError, r"_job_label must be an ASCII string$"),
    ("_max_runtime", ["1", [1], True, 1j], TypeError, r"_max_runtime must be a number of minutes, not "),
    (
        "_max_runtime",
        [0, -1, 0.0, math.nan, math.inf, 10**400],
        ValueError,
        r"_max_runtime must be more than 0 minutes and finite, not ",
    ),
    ("_os_env_vars", ["PATH", b"PATH", 5], TypeError, r"_os_env_vars must be a list of names or a dict"),
    ("_os_env_vars", [[5], [b"A"], {"A": 5}, {5: "A"}, {"A": None}], TypeError, r"names and values that are strings"),
    ("_os_env_vars", [{"": "a"}, {"A=B": "c"}, {"A": "\0"}, {"A\0": ""}], ValueError, r"that no environment can hold"),
    ("_priority", ["1", 1.5, None, True], TypeError, r"_priority must be an integer, not "),
    ("_priority", [2**63, -(2**63) - 1, 10**400], ValueError, r"_priority must be a number of at most 64 bits, not "),
    ("_restartable", [1, 0, None, "no"], TypeError, r"_restartable must be True or False, not "),
    ("_type", [1, b"c1", ["c1"]], TypeError, r"_type must be a string, not "),
    ("_type", ["c9", "C1", ""], ValueError, r"There is no core type '.*'; types are c1, c2, f2, m1, s1$"),
    ("_vol", [5, [5], b"data", ["data", None]], TypeError, r"_vol must be a string or a list of strings"),
    ("_vol", ["data", ["data"], ("a", "b"), {"a": 1}], ValueError, r"_vol cannot be used yet: there are no volumes"),
    ("_callback", [5, "abs", [abs, 5]], TypeError, r"All callbacks must be callable$"),
    ("_callback_on_error", [5, "abs", [abs, 5]], TypeError, r"All callbacks must be callable$"),
]


def value(x: Any = None) -> Any:
    return x


def _submit(cloud: ModuleType, how: str, **keywords: Any) -> int:
    """Submit one job by call or map."""
    jid: int = cloud.call(value, 7, **keywords) if how == "call" else cloud.map(value, [7], **keywords)[0]
    return jid


def _facts(cloud: ModuleType, jid: int, *keys: str) -> Any:
    facts = cloud.info(jid, keys)[jid]
    return facts[keys[0]] if len(keys) == 1 else facts


HOW = ["call", "map"]
both = pytest.mark.parametrize("how", HOW)


@pytest.mark.parametrize(
    ("how", "name"), [(how, name) for how in HOW for name in RESERVED if how == "call" or name not in CALL_ONLY]
)
def test_a_function_sees_none_of_them(cloud: ModuleType, how: str, name: str) -> None:
    for each in NEUTRAL[name]:
        assert cloud.result(_submit(cloud, how, **{name: each}), timeout=FAST) == 7, each


@pytest.mark.parametrize(
    ("how", "name", "values", "kind", "words"),
    [(how, *row) for how in HOW for row in REFUSED if how == "call" or row[0] not in CALL_ONLY],
)
def test_what_is_refused_and_how(
    cloud: ModuleType, how: str, name: str, values: list[Any], kind: type[Exception], words: str
) -> None:
    before = cloud.call(value)
    for each in values:
        with pytest.raises(kind, match=words) as caught:
            _submit(cloud, how, **{name: each})
        assert isinstance(caught.value, cloud.CloudException)
        assert caught.value.code == ("argument.type" if kind is TypeError else "argument.value")
    assert cloud.call(value) == before + 1


def test_map_has_no_callbacks(cloud: ModuleType) -> None:
    for name in CALL_ONLY:
        with pytest.raises(
            ValueError, match=rf"^Cannot pass keyword arguments into cloud\.map Unexpected keyword argument '{name}'$"
        ):
            cloud.map(value, [1], **{name: abs})


@both
def test_defaults(cloud: ModuleType, how: str) -> None:
    jid = _submit(cloud, how)
    cloud.join(jid, timeout=FAST)
    keys = ("cores", "type", "priority", "label", "max_runtime", "restartable", "depends_on", "env", "vol", "profile")
    assert _facts(cloud, jid, *keys) == {
        "cores": 1,
        "type": "c1",
        "priority": 5,
        "label": "",
        "max_runtime": None,
        "restartable": True,
        "depends_on": [],
        "env": "",
        "vol": [],
        "profile": "",
    }


@both
def test_each_is_kept_with_the_job(cloud: ModuleType, how: str) -> None:
    first = cloud.call(value)
    kept: list[tuple[dict[str, Any], str, Any]] = [
        ({"_cores": 2, "_type": "c2"}, "cores", 2),
        ({"_depends_on": first}, "depends_on", [first]),
        ({"_depends_on": range(first, first + 1)}, "depends_on", [first]),
        ({"_depends_on": [first, np.int64(first)]}, "depends_on", [first]),
        ({"_label": "night"}, "label", "night"),
        ({"_max_runtime": 2.5}, "max_runtime", 2.5),
        ({"_priority": -3}, "priority", -3),
        ({"_restartable": False}, "restartable", False),
        ({"_type": "m1"}, "type", "m1"),
    ]
    for keywords, key, expected in kept:
        found = _facts(cloud, _submit(cloud, how, **keywords), key)
        assert sorted(set(found)) == expected if key == "depends_on" else found == expected, keywords


@both
def test_high_cpu_is_c2_and_overrides_the_type_in_any_order(cloud: ModuleType, how: str) -> None:
    assert _facts(cloud, _submit(cloud, how, _high_cpu=True), "type") == "c2"
    assert _facts(cloud, _submit(cloud, how, _high_cpu=True, _type="m1"), "type") == "c2"
    assert _facts(cloud, _submit(cloud, how, _type="m1", _high_cpu=True), "type") == "c2"
    assert _facts(cloud, _submit(cloud, how, _type="m1", _high_cpu=False), "type") == "m1"


@both
@pytest.mark.parametrize(
    ("kind", "multiples"),
    [("c1", {1}), ("c2", {1, 2, 4, 8}), ("f2", {1, 2, 4, 8, 16}), ("m1", {1, 2, 4, 8}), ("s1", {1})],
)
def test_cores_go_with_the_type(cloud: ModuleType, how: str, kind: str, multiples: set[int]) -> None:
    held = cloud.call(value, _depends_on=cloud.call(value))
    for cores in range(1, 18):
        if cores in multiples:
            assert _facts(cloud, _submit(cloud, how, _type=kind, _cores=cores, _depends_on=held), "cores") == cores
        else:
            with pytest.raises(ValueError, match=f"^_cores of a {kind} job must be .*, not {cores}"):
                _submit(cloud, how, _type=kind, _cores=cores)


def test_what_is_missing_says_so_and_what_to_do(cloud: ModuleType) -> None:
    for name in ("_env", "_vol"):
        with pytest.raises(ArgumentValueError, match="in this version of picloud") as caught:
            cloud.call(value, **{name: "x"})
        assert caught.value.hint == f"leave {name} out"


def test_an_unknown_one_is_refused_with_a_suggestion(cloud: ModuleType) -> None:
    def any_keywords(**keywords: int) -> int:
        return len(keywords)

    functions: list[Callable[..., Any]] = [value, any_keywords, int, len]
    for function in functions:
        with pytest.raises(TypeError, match=r"unexpected keyword argument '_priorty'. Did you mean '_priority'\?$"):
            cloud.call(function, _priorty=1)
        with pytest.raises(ValueError, match=r"Unexpected keyword argument '_priorty'. Did you mean '_priority'\?$"):
            cloud.map(function, [1], _priorty=1)
    with pytest.raises(TypeError, match=r"unexpected keyword argument '_foo'$"):
        cloud.call(value, _foo=1)
    assert cloud.result(cloud.call(any_keywords, a=1, b=2), timeout=FAST) == 2


def test_a_parameter_of_the_function_may_begin_with_an_underscore(cloud: ModuleType) -> None:
    def own(_foo: int, *, _bar: int = 0) -> tuple[int, int]:
        return _foo, _bar

    assert cloud.result(cloud.call(own, _foo=1, _bar=2), timeout=FAST) == (1, 2)


class Own:
    """Whose parameters begin with an underscore, however it is called."""

    def __init__(self, _foo: int = 0) -> None:
        self.found = _foo

    def __call__(self, _foo: int) -> int:
        return _foo

    def method(self, _foo: int) -> int:
        return _foo

    @classmethod
    def of_class(cls, _foo: int) -> int:
        return _foo

    @staticmethod
    def static(*, _foo: int) -> int:
        return _foo


def test_a_parameter_of_other_callables_may_too(cloud: ModuleType) -> None:
    functions = [Own(), Own().method, Own.of_class, Own.static, partial(Own.method, Own())]
    for function in functions:
        assert cloud.result(cloud.call(function, _foo=7), timeout=FAST) == 7
        with pytest.raises(TypeError, match="unexpected keyword argument '_fo'"):
            cloud.call(function, _fo=7)
    assert cloud.result(cloud.call(Own, _foo=7), timeout=FAST).found == 7


@both
def test_none_is_as_if_it_were_not_given_where_that_is_possible(cloud: ModuleType, how: str) -> None:
    names = [
        "_depends_on",
        "_env",
        "_kill_process",
        "_label",
        "_max_runtime",
        "_os_env_vars",
        "_profile",
        "_type",
        "_vol",
    ]
    names += ["_callback", "_callback_on_error"] if how == "call" else []
    jid = _submit(cloud, how, **dict.fromkeys(names))
    assert cloud.result(jid, timeout=FAST) == 7
    assert _facts(cloud, jid, "type", "label", "depends_on") == {"type": "c1", "label": "", "depends_on": []}


def test_labels_priorities_and_types_of_a_map_are_those_of_each_job(cloud: ModuleType) -> None:
    jids = cloud.map(value, range(3), _label="study", _priority=2, _type="c2")
    expected = {"label": "study", "priority": 2, "type": "c2"}
    assert cloud.info(jids, ["label", "priority", "type"]) == dict.fromkeys(jids, expected)


@both
def test_the_next_job_runs_in_the_same_interpreter_unless_that_is_to_be_killed(
    cloud: ModuleType, how: str, gate: Path
) -> None:
    """One CPU is busy meanwhile, so that there is one process for the others."""

    def wait(path: str) -> None:
        import time

        while not Path(path).exists():
            time.sleep(0.005)

    def pid(_: Any = None) -> int:
        import os

        return os.getpid()

    def ask(**keywords: Any) -> int:
        jid = cloud.call(pid, **keywords) if how == "call" else cloud.map(pid, [0], **keywords)[0]
        found: int = cloud.result(jid, timeout=FAST)
        return found

    holder = cloud.call(wait, str(gate))
    cloud.wait_for.status(holder, "processing", timeout=FAST)
    first = ask()
    assert ask() == first
    alone = ask(_kill_process=True)
    assert ask() != alone
    gate.touch()
