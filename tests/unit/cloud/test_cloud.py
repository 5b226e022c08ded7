"""The package itself: its names, and what they are before anything is connected."""

from __future__ import annotations

import pickle

import cloudpickle
import pytest

import cloud
import picloud.exceptions
from picloud.model.core_type import BUILTIN
from picloud.model.job import FINISHED

FUNCTIONS = [name for name in cloud.__all__ if callable(getattr(cloud, name)) and not name.startswith("Cloud")]


@pytest.mark.parametrize("name", cloud.__all__)
def test_every_name_is_there(name: str) -> None:
    assert getattr(cloud, name) is getattr(cloud, name)
    assert name in dir(cloud)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_documented_and_public(name: str) -> None:
    function = getattr(cloud, name)
    assert callable(function)
    assert function.__doc__
    assert function.__name__ == name
    assert name in cloud.__all__


def test_constants() -> None:
    assert cloud.finished_statuses == list(FINISHED) == ["done", "stalled", "error", "killed"]
    assert [cloud.c1, cloud.c2, cloud.f2, cloud.m1, cloud.s1] == list(BUILTIN)
    assert cloud.CloudException is picloud.exceptions.CloudException
    assert cloud.CloudTimeoutError is picloud.exceptions.CloudTimeoutError
    assert cloud.__version__ == picloud.__version__


def test_a_name_that_does_not_exist() -> None:
    with pytest.raises(AttributeError, match="module 'cloud' has no attribute 'submit'"):
        _ = cloud.submit


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_travel_by_name(name: str) -> None:
    """A job may hold `from cloud import call`."""
    function = getattr(cloud, name)
    assert pickle.loads(pickle.dumps(function)) == function
    assert len(cloudpickle.dumps(function)) < 200
    assert pickle.loads(cloudpickle.dumps(function)) == function


def test_before_the_first_use() -> None:
    cloud.close()
    assert cloud.close() is False
    assert cloud.connection_info() == {"opened": False, "connection_type": "local"}
    assert cloud.is_simulated() is False
    assert cloud.running_on_cloud() is False


def test_close_takes_no_arguments() -> None:
    with pytest.raises(TypeError):
        cloud.close(1)  # type: ignore[call-arg]  # what is refused
