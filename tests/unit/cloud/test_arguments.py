"""Every rule of what is accepted, with type and message."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from cloud import _arguments
from picloud.exceptions import ArgumentError, CloudException, UnknownJobError
from picloud.model.array import JobOptions


def _function(x: Any = None) -> Any:
    return x


def _options(**keywords: Any) -> dict[str, Any]:
    return _arguments.take_keywords(_function, keywords, "cloud.call", is_map=False).options


def _generator() -> Iterator[int]:
    yield 1


@pytest.mark.parametrize(
    ("jids", "ranges"),
    [
        (5, [(5, 6)]),
        (range(1, 4), [(1, 4)]),
        (range(0), []),
        ([], []),
        ([3, 1], [(3, 4), (1, 2)]),
        ([1, 2, range(3, 5)], [(1, 5)]),
        ({7}, [(7, 8)]),
        ((jid for jid in (1, 2)), [(1, 3)]),
        ([3, 3], [(3, 4), (3, 4)]),
    ],
)
def test_jids(jids: object, ranges: list[tuple[int, int]]) -> None:
    assert _arguments.jid_ranges(jids) == ranges


@pytest.mark.parametrize("jids", ["asdf", b"1", None, 1.0, True, [1, "2"], [True], [[1]], {"a": 1}.keys(), object()])
def test_jids_of_a_wrong_type(jids: object) -> None:
    with pytest.raises(TypeError, match=r"^jid\(s\) must be integers$") as caught:
        _arguments.jid_ranges(jids)
    assert isinstance(caught.value, CloudException)


def test_one_job_is_a_number_of_any_integer_type() -> None:
    assert all(map(_arguments.is_one, (5, np.int64(5))))
    assert not any(map(_arguments.is_one, ([5], range(5), np.array([5]))))
    assert _arguments.one_jid(np.int64(5)) == 5


@pytest.mark.parametrize("jids", [0, -1, [1, 0], 1 << 63, range(-5, 3), 10**30])
def test_numbers_that_no_job_has(jids: object) -> None:
    with pytest.raises(UnknownJobError):
        _arguments.jid_ranges(jids)


@pytest.mark.parametrize(
    ("timeout", "seconds"),
    [(None, None), (0, 0.0), (1, 1.0), (0.5, 0.5), (math.inf, None), (np.float32(2), 2.0), (10**400, None)],
)
def test_timeouts(timeout: object, seconds: float | None) -> None:
    assert _arguments.timeout_of(timeout) == seconds


@pytest.mark.parametrize(
    ("timeout", "kind"),
    [
        (-1, ValueError),
        (-0.1, ValueError),
        (-(10**400), ValueError),
        (math.nan, ValueError),
        ("1", TypeError),
        (True, TypeError),
    ],
)
def test_bad_timeouts(timeout: object, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="timeout must") as caught:
        _arguments.timeout_of(timeout)
    assert isinstance(caught.value, ArgumentError)


@pytest.mark.parametrize(
    ("requested", "keys"),
    [
        (None, ["stdout", "stderr", "status", "runtime"]),
        ([], ["stdout", "stderr", "status", "runtime"]),
        ("", ["stdout", "stderr", "status", "runtime"]),
        ("status", ["status"]),
        (("created", "memory"), ["created", "memory"]),
        ("all", ["all"]),
    ],
)
def test_info_keys(requested: object, keys: list[str]) -> None:
    assert _arguments.info_keys(requested) == keys


@pytest.mark.parametrize("requested", [5, b"status", [1], ["status", None]])
def test_info_keys_of_a_wrong_type(requested: object) -> None:
    with pytest.raises(TypeError, match=r"^info_requested must be a valid string value or list of strings$"):
        _arguments.info_keys(requested)


def test_an_info_key_that_does_not_exist() -> None:
    with pytest.raises(ValueError, match=r"info has no key 'runtme'\. Did you mean 'runtime'\?"):
        _arguments.info_keys("runtme")


@pytest.mark.parametrize("function", ["f", 5, None])
def test_not_callable(function: object) -> None:
    with pytest.raises(TypeError, match=r"^cloud\.call first argument \(.*\) is not callable$"):
        _arguments.check_function(function, "cloud.call")


def test_map_needs_iterables() -> None:
    with pytest.raises(ValueError, match=r"^cloud\.map needs at least 2 arguments$"):
        _arguments.check_iterables((), "cloud.map")
    _arguments.check_iterables(([], (), {}, range(3), _generator(), iter([])), "cloud.map")


@pytest.mark.parametrize("argument", [5, "abc", b"abc", bytearray(b"a"), None, _generator, len])
def test_no_iterables(argument: object) -> None:
    with pytest.raises(TypeError, match=r"^map argument 2 \(.*\) is not an iterable"):
        _arguments.check_iterables(([], argument), "cloud.map")


def test_a_generator_function_is_to_be_called() -> None:
    with pytest.raises(TypeError, match=r"is a generator function, call it: _generator\(\.\.\.\)"):
        _arguments.check_iterables((_generator,), "cloud.map")


GOOD: list[tuple[str, Any, dict[str, Any]]] = [
    ("_label", "night", {"label": "night"}),
    ("_label", None, {}),
    ("_priority", 3, {"priority": 3}),
    ("_priority", -3, {"priority": -3}),
    ("_depends_on", 4, {"depends_on": [[4, 5]]}),
    ("_depends_on", range(1, 4), {"depends_on": [[1, 4]]}),
    ("_depends_on", [1, range(5, 7)], {"depends_on": [[1, 2], [5, 7]]}),
    ("_depends_on", [], {}),
    ("_depends_on", None, {}),
    ("_depends_on_errors", "abort", {}),
    ("_depends_on_errors", "ignore", {"ignore_dependency_errors": True}),
    ("_restartable", True, {}),
    ("_restartable", False, {"restartable": False}),
    ("_kill_process", 1, {"kill_process": True}),
    ("_kill_process", 0, {}),
    ("_max_runtime", 2, {"max_runtime": 120.0}),
    ("_max_runtime", 0.5, {"max_runtime": 30.0}),
    ("_max_runtime", None, {}),
    ("_type", "c2", {"core_type": "c2", "core_type_named": True}),
    ("_type", "c1", {"core_type": "c1", "core_type_named": True}),
    ("_high_cpu", True, {"core_type": "c2", "core_type_named": True}),
    ("_high_cpu", False, {}),
    ("_priority", np.int64(-3), {"priority": -3}),
    ("_priority", (1 << 63) - 1, {"priority": (1 << 63) - 1}),
    ("_depends_on", np.array([1, 2]), {"depends_on": [[1, 3]]}),
    ("_max_runtime", Fraction(1, 2), {"max_runtime": 30.0}),
    ("_cores", np.int64(1), {"cores": 1}),
    ("_cores", 1, {"cores": 1}),
    ("_fast_serialization", 0, {"fast_serialization": 0}),
    ("_fast_serialization", 7, {"fast_serialization": 2}),
    ("_fast_serialization", -1, {"fast_serialization": 0}),
    ("_env", None, {}),
    ("_vol", [], {}),
    ("_profile", False, {}),
    ("_profile", True, {"profile": True}),
    ("_callback", None, {}),
    ("_callback_on_error", [], {}),
]


@pytest.mark.parametrize(("name", "value", "options"), GOOD)
def test_good_keywords(name: str, value: Any, options: dict[str, Any]) -> None:
    found = _options(**{name: value})
    assert found == options
    JobOptions(**found)


BAD: list[tuple[str, Any, type[Exception], str]] = [
    ("_label", "é", TypeError, "^_job_label must be an ASCII string$"),
    ("_label", 5, TypeError, "^_job_label must be an ASCII string$"),
    ("_priority", 1.0, TypeError, "_priority must be an integer, not float"),
    ("_priority", True, TypeError, "_priority must be an integer, not bool"),
    ("_depends_on", "1", TypeError, "^_depends_on must be a jid or list of jids$"),
    ("_depends_on", 1.5, TypeError, "^_depends_on must be a jid or list of jids$"),
    ("_depends_on", ["1"], TypeError, "^_depends_on list can only contain jids$"),
    ("_depends_on_errors", 1, TypeError, "_depends_on_errors must be a string"),
    ("_depends_on_errors", "x", ValueError, "'abort' or 'ignore', not 'x'"),
    ("_restartable", 1, TypeError, "_restartable must be True or False"),
    ("_max_runtime", "1", TypeError, "_max_runtime must be a number of minutes"),
    ("_max_runtime", True, TypeError, "_max_runtime must be a number of minutes"),
    ("_max_runtime", 0, ValueError, "_max_runtime must be more than 0"),
    ("_max_runtime", -1, ValueError, "_max_runtime must be more than 0"),
    ("_max_runtime", math.inf, ValueError, "_max_runtime must be more than 0"),
    ("_max_runtime", math.nan, ValueError, "_max_runtime must be more than 0"),
    ("_max_runtime", 10**400, ValueError, "_max_runtime must be more than 0 minutes and finite"),
    ("_priority", 1 << 63, ValueError, "_priority must be a number of at most 64 bits"),
    ("_priority", -(1 << 63) - 1, ValueError, "_priority must be a number of at most 64 bits"),
    ("_type", 5, TypeError, "_type must be a string"),
    ("_type", "c9", ValueError, "There is no core type 'c9'; types are c1, c2, f2, m1, s1"),
    ("_high_cpu", 1, TypeError, "_high_cpu must be True or False"),
    ("_cores", 0, TypeError, "^_cores must be a positive integer$"),
    ("_cores", True, TypeError, "^_cores must be a positive integer$"),
    ("_cores", "2", TypeError, "^_cores must be a positive integer$"),
    ("_cores", 2, ValueError, "_cores of a c1 job must be 1, not 2"),
    ("_fast_serialization", True, TypeError, "_fast_serialization must be an integer"),
    ("_fast_serialization", 1.0, TypeError, "_fast_serialization must be an integer"),
    ("_os_env_vars", "PATH", TypeError, "_os_env_vars must be a list of names or a dict"),
    ("_os_env_vars", 5, TypeError, "_os_env_vars must be a list of names or a dict"),
    ("_os_env_vars", [5], TypeError, "names and values that are strings"),
    ("_os_env_vars", {"A": 5}, TypeError, "names and values that are strings"),
    ("_os_env_vars", {"A=B": "c"}, ValueError, "no environment can hold: 'A=B'"),
    ("_os_env_vars", {"": "c"}, ValueError, "no environment can hold"),
    ("_vol", 5, TypeError, "_vol must be a string or a list of strings"),
    ("_vol", [5], TypeError, "_vol must be a string or a list of strings"),
    ("_callback", 5, TypeError, "^All callbacks must be callable$"),
    ("_callback", "print", TypeError, "^All callbacks must be callable$"),
    ("_callback_on_error", [len, 5], TypeError, "^All callbacks must be callable$"),
    ("_env", "base", ValueError, "_env cannot be used yet: there are no named environments"),
    ("_vol", "data", ValueError, "_vol cannot be used yet: there are no volumes"),
]


@pytest.mark.parametrize(("name", "value", "kind", "message"), BAD)
def test_bad_keywords(name: str, value: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message) as caught:
        _options(**{name: value})
    assert isinstance(caught.value, ArgumentError)
    assert caught.value.code in {"argument.type", "argument.value"}


def test_high_cpu_overrides_the_type() -> None:
    for keywords in ({"_high_cpu": True, "_type": "m1"}, {"_type": "m1", "_high_cpu": True}):
        assert _options(**keywords) == {"core_type": "c2", "core_type_named": True}
    assert _options(_high_cpu=True, _type="c1", _cores=8)["cores"] == 8


def test_cores_go_with_their_type() -> None:
    assert _options(_type="f2", _cores=16)["cores"] == 16
    with pytest.raises(ValueError, match="_cores of a m1 job must be 1 or 2 or 4 or 8, not 16") as caught:
        _options(_type="m1", _cores=16)
    assert "f2 can have 16" in str(caught.value)
    with pytest.raises(ValueError, match="_cores of a s1 job must be 1, not 3"):
        _options(_type="s1", _cores=3)


def test_environment_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    def variables(value: Any) -> dict[str, str]:
        keywords = {"_os_env_vars": value}
        found = _arguments.take_keywords(_function, keywords, "cloud.call", is_map=False)
        assert keywords == {}
        assert found.options == {}
        return found.variables

    monkeypatch.setenv("HERE", "1")
    monkeypatch.delenv("NOT_HERE", raising=False)
    assert variables(["HERE", "NOT_HERE"]) == {"HERE": "1"}
    assert variables({"HERE": "2", "NEW": ""}) == {"HERE": "2", "NEW": ""}
    assert variables([]) == {}
    assert variables(None) == {}
    assert variables(iter(["HERE"])) == {"HERE": os.environ["HERE"]}


def test_the_functions_own_keywords_are_left() -> None:
    keywords = {"x": 1, "_label": "a", "unknown": 2}
    _arguments.take_keywords(_function, keywords, "cloud.call", is_map=False)
    assert keywords == {"x": 1, "unknown": 2}


@pytest.mark.parametrize("caller", ["cloud.call", "cloud.mp.call"])
def test_an_unknown_keyword_gets_a_suggestion(caller: str) -> None:
    message = rf"^{caller}\(\) got an unexpected keyword argument '_lable'\. Did you mean '_label'\?$"
    with pytest.raises(TypeError, match=message):
        _arguments.take_keywords(_function, {"_lable": "a"}, caller, is_map=False)
    with pytest.raises(TypeError, match=r"unexpected keyword argument '_qqqqqq'$"):
        _arguments.take_keywords(_function, {"_qqqqqq": 1}, caller, is_map=False)


def test_a_parameter_of_the_function_is_no_unknown_keyword() -> None:
    def own(_private: int, **others: int) -> None: ...

    functions: list[Callable[..., Any]] = [own]
    for function in functions:
        keywords = {"_private": 1}
        _arguments.take_keywords(function, keywords, "cloud.call", is_map=False)
        assert keywords == {"_private": 1}
    with pytest.raises(TypeError, match="_other"):
        _arguments.take_keywords(own, {"_other": 1}, "cloud.call", is_map=False)


@pytest.mark.parametrize("name", ["_callback", "_callback_on_error", "x", "_lable"])
def test_map_has_no_keyword_arguments(name: str) -> None:
    with pytest.raises(
        ValueError, match=rf"^Cannot pass keyword arguments into cloud\.map Unexpected keyword argument '{name}'"
    ):
        _arguments.take_keywords(_function, {name: None}, "cloud.map", is_map=True)


class _Several(list[Any]):
    """An iterable that can be called: it is one callback."""

    def __call__(self, jid: int) -> None:
        self.append(jid)


SEVERAL = _Several([5])


@pytest.mark.parametrize(
    ("value", "callbacks"),
    [
        (None, ()),
        ([], ()),
        (print, (print,)),
        ([print, len], (print, len)),
        ((each for each in (len, print)), (len, print)),
        (SEVERAL, (SEVERAL,)),
    ],
)
def test_callbacks_are_for_the_client_alone(value: Any, callbacks: tuple[Any, ...]) -> None:
    keywords = {"_callback": value, "_callback_on_error": abs, "x": 1}
    found = _arguments.take_keywords(_function, keywords, "cloud.call", is_map=False)
    assert (found.options, found.callbacks, found.error_callbacks) == ({}, callbacks, (abs,))
    assert keywords == {"x": 1}


def test_a_misspelt_callback_is_refused_with_its_right_name() -> None:
    with pytest.raises(TypeError, match=r"'_calback'. Did you mean '_callback'\?"):
        _arguments.take_keywords(_function, {"_calback": print}, "cloud.call", is_map=False)


def test_map_has_the_other_keywords() -> None:
    keywords: dict[str, Any] = {"_label": "a", "_cores": 2, "_type": "c2"}
    found = _arguments.take_keywords(_function, keywords, "cloud.map", is_map=True)
    assert found.options == {"label": "a", "cores": 2, "core_type": "c2", "core_type_named": True}


def test_a_number_that_python_does_not_even_print_is_refused_like_others() -> None:
    with pytest.raises(ValueError, match="_max_runtime must be more than 0 minutes and finite, not <int>"):
        _options(_max_runtime=-(10**5000))
    with pytest.raises(ValueError, match="_priority must be a number of at most 64 bits, not <int>"):
        _options(_priority=10**5000)
