"""cloud.config: settings as variables."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import get_type_hints

import pytest

import cloud
from picloud.client import settings
from picloud.model.settings import NAMES, Durability


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    settings.forget()
    yield
    settings.forget()


def test_get_and_set() -> None:
    assert cloud.config.max_transmit_data == 0
    cloud.config.max_transmit_data = "1000"  # type: ignore[assignment]  # it is coerced
    assert cloud.config.max_transmit_data == 1000
    cloud.config.durability = "process"
    assert cloud.config.durability is Durability.PROCESS


@pytest.mark.parametrize(
    ("name", "value"), [("max_transmit_data", "much"), ("durability", "never"), ("use_simulator", "perhaps")]
)
def test_a_value_that_cannot_be_coerced(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"The setting {name} "):
        setattr(cloud.config, name, value)


def test_a_setting_that_does_not_exist() -> None:
    with pytest.raises(AttributeError, match="There is no setting 'max_transmit'; settings are home, durability"):
        getattr(cloud.config, "max_transmit")  # noqa: B009 - the type checker knows that it does not exist
    with pytest.raises(AttributeError, match="There is no setting 'max_transmit'"):
        setattr(cloud.config, "max_transmit", 5)  # noqa: B010 - as above


def test_every_setting_is_there_and_typed() -> None:
    assert set(NAMES) <= set(dir(cloud.config))
    assert all(hasattr(cloud.config, name) for name in NAMES)
    source = sys.modules["cloud.config"].__spec__
    assert source is not None
    assert source.origin is not None
    with open(source.origin) as text:
        lines = text.read()
    assert all(f"    {name}: " in lines for name in NAMES)
    assert get_type_hints(cloud.config.commit) == {"return": type(None)}


def test_commit_reads_the_environment_again(monkeypatch: pytest.MonkeyPatch) -> None:
    cloud.config.num_procs = 3
    assert cloud.config.pass_env == ""
    monkeypatch.setenv("PICLOUD_PASS_ENV", "A")
    cloud.config.commit()
    assert cloud.config.pass_env == "A"
    assert cloud.config.num_procs == 3
