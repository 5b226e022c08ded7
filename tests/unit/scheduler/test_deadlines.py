"""Deadlines fall due in order, once, and only as they were set last."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given, settings

from picloud.scheduler.deadlines import Deadlines, Name


def test_they_fall_due_in_order() -> None:
    deadlines = Deadlines()
    deadlines.set(("kill", 2), 3.0)
    deadlines.set(("pool", "p"), 1.0)
    deadlines.set(("kill", 1), 3.0)
    assert deadlines.next() == 1.0
    assert deadlines.due(0.9) == []
    assert deadlines.due(3.0) == [("pool", "p"), ("kill", 2), ("kill", 1)]
    assert deadlines.next() is None


def test_setting_one_again_replaces_it() -> None:
    deadlines = Deadlines()
    deadlines.set(("kill", 1), 1.0)
    deadlines.set(("kill", 1), 5.0)
    assert deadlines.due(4.0) == []
    assert deadlines.next() == 5.0


def test_a_cleared_one_never_falls_due() -> None:
    deadlines = Deadlines()
    deadlines.set(("kill", 1), 1.0)
    deadlines.clear(("kill", 1))
    deadlines.clear(("kill", 2))
    assert deadlines.next() is None
    assert deadlines.due(9.0) == []


Step = tuple[int, int, float]


@settings(max_examples=500)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.floats(0, 10))))
def test_they_are_a_dict_of_times(steps: list[Step]) -> None:
    deadlines, model = Deadlines(), dict[Name, float]()
    for what, who, when in steps:
        name = ("kill", who)
        if what == 0:
            deadlines.set(name, when)
            model[name] = when
        elif what == 1:
            deadlines.clear(name)
            model.pop(name, None)
        else:
            due = deadlines.due(when)
            assert sorted(due) == sorted(name for name, at in model.items() if at <= when)
            times = [model.pop(name) for name in due]
            assert times == sorted(times)
        assert deadlines.next() == min(model.values(), default=None)
