"""Settings: text becomes values, and what cannot be is refused by name."""

from __future__ import annotations

import pytest

from picloud.exceptions import ArgumentValueError
from picloud.model.settings import NAMES, Durability, Settings, coerce, from_environment


def test_every_default_is_kept_by_coercion() -> None:
    assert Settings().changed(**{name: getattr(Settings(), name) for name in NAMES}) == Settings()


def test_the_environment_is_read_by_name() -> None:
    environment = {
        "PICLOUD_DURABILITY": "process",
        "PICLOUD_IDLE_TIME": "1.5",
        "PICLOUD_MAX_OUTPUT": "10",
        "PICLOUD_": "",
        "X": "y",
    }
    settings = from_environment(environment)
    assert (settings.durability, settings.idle_time, settings.max_output) == (Durability.PROCESS, 1.5, 10)
    assert from_environment({}) == Settings()
    assert from_environment({"PICLOUD_CPUS": "2"}, settings).durability is Durability.PROCESS


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", True), ("Yes", True), (" on ", True), ("TRUE", True), ("0", False), ("off", False), ("", False)],
)
def test_truth_as_people_write_it(text: str, value: bool) -> None:
    assert coerce("use_simulator", text) is value


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("durability", "forever", "power or process"),
        ("idle_time", "soon", "float"),
        ("max_output", "1e6", "int"),
        ("max_output", None, "int"),
        ("max_output", float("inf"), "int"),
        ("use_simulator", "maybe", "bool"),
        ("log_level", "loud", "DEBUG or INFO or WARNING or ERROR or CRITICAL"),
        ("print_log_level", 10, "DEBUG or INFO or WARNING or ERROR or CRITICAL"),
    ],
)
def test_a_wrong_value_is_refused_with_what_is_allowed(name: str, value: object, allowed: str) -> None:
    with pytest.raises(
        ArgumentValueError, match=rf"{name} \(or PICLOUD_{name.upper()}\) cannot be .*; it is {allowed}"
    ):
        coerce(name, value)


def test_levels_are_taken_as_people_write_them() -> None:
    assert coerce("log_level", " debug") == "DEBUG"


def test_an_unknown_name_is_refused_with_all_names() -> None:
    with pytest.raises(ArgumentValueError, match="no setting 'durablity'; settings are home, durability"):
        coerce("durablity", "power")
