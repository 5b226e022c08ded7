"""The records and protocols of places."""

from __future__ import annotations

import dataclasses

import pytest

from picloud.hooks import FD, Place, PlaceCapabilities, SupervisorSpec
from picloud_local import LocalPlace


def test_a_specification_needs_a_command_and_a_key() -> None:
    spec = SupervisorSpec(argv=("python", FD), key="k")
    assert (dict(spec.environment), spec.cwd, spec.log) == ({}, None, None)
    with pytest.raises(TypeError, match="key"):
        SupervisorSpec(argv=("python",))  # type: ignore[call-arg]  # what is missing is the test


def test_records_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        PlaceCapabilities(descriptors=True).descriptors = False  # type: ignore[misc]  # it is frozen


def test_the_local_place_is_a_place_to_the_type_checker() -> None:
    place: Place = LocalPlace()
    assert place.name == "local"
