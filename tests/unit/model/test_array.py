"""Job arrays and their options."""

from __future__ import annotations

import dataclasses

import pytest

from picloud.model.array import JobArray, JobOptions


def test_defaults_are_picloud_defaults() -> None:
    options = JobOptions()
    assert (options.priority, options.restartable, options.core_type, options.cores) == (5, True, "c1", 1)
    assert (options.label, options.depends_on, options.max_runtime, options.kill_process) == ("", (), None, False)


def test_an_array_is_a_value() -> None:
    facts = {field.name: None for field in dataclasses.fields(JobArray)} | {
        "first": 1,
        "count": 3,
        "options": JobOptions(),
    }
    array = JobArray(**facts)  # type: ignore[arg-type]  # facts of all fields
    assert array == JobArray(**facts)  # type: ignore[arg-type]  # as above
    assert hash(array) == hash(JobArray(**facts))  # type: ignore[arg-type]  # as above
    with pytest.raises(dataclasses.FrozenInstanceError):
        array.first = 2  # type: ignore[misc]  # it is frozen
    assert not hasattr(array, "__dict__")
