"""Effects are records: frozen, and compared by value, so that tests can say exactly what is to be done."""

from __future__ import annotations

import dataclasses
from typing import Any, get_args

import pytest

from picloud.scheduler import effects


@pytest.mark.parametrize("kind", get_args(effects.Effect))
def test_every_effect_is_a_frozen_record(kind: Any) -> None:
    assert kind.__doc__
    values = {field.name: 1 for field in dataclasses.fields(kind)}
    assert kind(**values) == kind(**values)
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(kind(**values), next(iter(values)), 2)
