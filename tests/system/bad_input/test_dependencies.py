"""A dependency that does not exist: the job is refused, and takes no jid."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from picloud.exceptions import DependencyError


def test_a_dependency_on_an_unknown_job(cloud: ModuleType) -> None:
    first = cloud.call(abs, -1)
    unknown: list[tuple[Any, int]] = [
        (999, 999),
        ([first, 999], 999),
        (range(first, 4), 2),
        (first + 1, first + 1),
        (0, 0),
    ]
    for depends_on, named in unknown:
        with pytest.raises(DependencyError, match=rf"^Job {named}: This dependency does not exist\.$"):
            cloud.call(abs, -2, _depends_on=depends_on)
        with pytest.raises(DependencyError):
            cloud.map(abs, [-2], _depends_on=depends_on)
    assert cloud.call(abs, -3) == first + 1


def test_a_dependency_on_a_deleted_job(cloud: ModuleType) -> None:
    first = cloud.call(abs, -1)
    cloud.join(first)
    cloud.delete(first)
    with pytest.raises(DependencyError, match=f"Job {first}: "):
        cloud.call(abs, -2, _depends_on=first)
