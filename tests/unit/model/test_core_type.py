"""The five core types of the service."""

from __future__ import annotations

from picloud.model.core_type import BUILTIN, DEFAULT


def test_names_and_figures() -> None:
    figures = {
        name: (kind.compute_units, kind.memory // 10**6, kind.multiples, kind.pinned) for name, kind in BUILTIN.items()
    }
    assert figures == {
        "c1": (1.0, 300, (1,), False),
        "c2": (2.5, 800, (1, 2, 4, 8), True),
        "f2": (5.5, 3700, (1, 2, 4, 8, 16), True),
        "m1": (3.25, 8000, (1, 2, 4, 8), True),
        "s1": (2.0, 300, (1,), False),
    }
    assert DEFAULT in BUILTIN
