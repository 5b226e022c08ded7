"""Which modules a whitelist lets travel."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from picloud.client import whitelist
from picloud.client.whitelist import Whitelist


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    whitelist.allow(None)


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("pkg.sub", True),
        ("pkg.sub.deep.er", True),
        ("pkg", True),
        ("pkg.subway", False),
        ("pkg.other", False),
        ("pk", False),
        ("other", False),
        ("alone", True),
        ("alone.child", True),
    ],
)
def test_a_module_its_children_and_the_packages_around_it(name: str, allowed: bool) -> None:
    assert Whitelist(frozenset({"pkg.sub", "alone"})).allows(name) is allowed


def test_none_is_all_and_empty_is_nothing() -> None:
    assert Whitelist().allows("any")
    assert not Whitelist(frozenset()).allows("any")


def test_each_change_is_another_object() -> None:
    first = whitelist.current()
    whitelist.allow(["a"])
    second = whitelist.current()
    assert second.names == frozenset({"a"})
    whitelist.allow(None)
    assert len({id(each) for each in (first, second, whitelist.current())}) == 3
    assert whitelist.current().allows("any")
