"""Reserved keywords with values that they do not take: refused as the API says, before anything is sent."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from picloud.exceptions import ArgumentError

_REFUSED: list[tuple[str, Any, type[Exception], str]] = [
    ("_cores", 0, TypeError, "_cores must be a positive integer"),
    ("_cores", 1.5, TypeError, "_cores must be a positive integer"),
    ("_cores", True, TypeError, "_cores must be a positive integer"),
    ("_cores", 2, ValueError, "_cores of a c1 job must be 1, not 2"),
    ("_depends_on", "1", TypeError, "_depends_on must be a jid or list of jids"),
    ("_depends_on", 1.5, TypeError, "_depends_on must be a jid or list of jids"),
    ("_depends_on", ["1"], TypeError, "_depends_on list can only contain jids"),
    ("_depends_on_errors", 1, TypeError, "_depends_on_errors must be a string"),
    ("_depends_on_errors", "x", ValueError, "_depends_on_errors must be 'abort' or 'ignore', not 'x'"),
    ("_fast_serialization", True, TypeError, "_fast_serialization must be an integer"),
    ("_fast_serialization", "1", TypeError, "_fast_serialization must be an integer"),
    ("_high_cpu", 1, TypeError, "_high_cpu must be True or False"),
    ("_label", "é", TypeError, "_job_label must be an ASCII string"),
    ("_label", 5, TypeError, "_job_label must be an ASCII string"),
    ("_max_runtime", "1", TypeError, "_max_runtime must be a number of minutes"),
    ("_max_runtime", True, TypeError, "_max_runtime must be a number of minutes"),
    ("_max_runtime", 0, ValueError, "_max_runtime must be more than 0 minutes"),
    ("_max_runtime", -1, ValueError, "_max_runtime must be more than 0 minutes"),
    ("_max_runtime", float("inf"), ValueError, "_max_runtime must be more than 0 minutes"),
    ("_os_env_vars", "PATH", TypeError, "_os_env_vars must be a list of names"),
    ("_os_env_vars", 3, TypeError, "_os_env_vars must be a list of names"),
    ("_os_env_vars", {"A": 1}, TypeError, "_os_env_vars must hold names and values that are strings"),
    ("_os_env_vars", {"A=B": "1"}, ValueError, "that no environment can hold"),
    ("_priority", "1", TypeError, "_priority must be an integer"),
    ("_priority", 1.5, TypeError, "_priority must be an integer"),
    ("_restartable", 1, TypeError, "_restartable must be True or False"),
    ("_type", 1, TypeError, "_type must be a string"),
    ("_type", "c9", ValueError, "There is no core type 'c9'; types are c1, c2, f2, m1, s1"),
    ("_vol", 3, TypeError, "_vol must be a string or a list of strings"),
    ("_vol", [3], TypeError, "_vol must be a string or a list of strings"),
    ("_callback", 3, TypeError, "All callbacks must be callable"),
    ("_priorty", 3, TypeError, "Did you mean '_priority'?"),
]


@pytest.mark.parametrize(("name", "value", "kind", "message"), _REFUSED)
def test_refused(name: str, value: Any, kind: type[Exception], message: str, cloud: ModuleType, home: Path) -> None:
    with pytest.raises(kind) as caught:
        cloud.call(lambda: None, **{name: value})
    assert isinstance(caught.value, ArgumentError)
    assert message in str(caught.value)
    assert not any(home.iterdir())


def test_a_map_takes_no_keywords_of_the_function_and_no_callbacks(cloud: ModuleType, home: Path) -> None:
    for name in ("x", "_callback", "_callback_on_error", "_foo"):
        with pytest.raises(
            ValueError, match=r"Cannot pass keyword arguments into cloud\.map Unexpected keyword argument"
        ) as caught:
            cloud.map(lambda x: x, [1], **{name: print})
        assert isinstance(caught.value, ArgumentError)
    with pytest.raises(ValueError, match="Did you mean '_label'"):
        cloud.map(abs, [1], _lable="x")
    assert not any(home.iterdir())


def test_a_setting_that_cannot_be(cloud: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"The setting durability .* cannot be 'much'; it is power or process"):
        cloud.config.durability = "much"
    with pytest.raises(AttributeError, match="There is no setting 'durablity'"):
        cloud.config.durablity = "power"
    monkeypatch.setenv("PICLOUD_IDLE_TIME", "soon")
    cloud.config.commit()
    with pytest.raises(ValueError, match=r"PICLOUD_IDLE_TIME\) cannot be 'soon'; it is float"):
        cloud.call(abs, -1)
    monkeypatch.delenv("PICLOUD_IDLE_TIME")
    cloud.config.commit()


@pytest.mark.parametrize("cpus", ["many", "0", "100000-100001", "3-1"])
def test_cpus_that_are_none(cpus: str, cloud: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PICLOUD_CPUS", cpus)
    cloud.config.commit()
    with pytest.raises(cloud.CloudException, match=r"(?i)cpus"):
        cloud.call(abs, -1)
