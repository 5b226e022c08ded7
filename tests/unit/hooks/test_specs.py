"""Every hook is a documented function that the manager knows, and the README shows its signature."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from picloud.hooks import specs

HOOKS = [(name, hook) for name, hook in vars(specs).items() if inspect.isfunction(hook)]
README = Path(__file__).parents[3] / "README.md"


def test_there_are_hooks() -> None:
    assert [name for name, _ in HOOKS] == ["picloud_places"]


@pytest.mark.parametrize(("name", "hook"), HOOKS)
def test_a_hook_is_named_and_documented(name: str, hook: object) -> None:
    assert name.startswith("picloud_")
    assert inspect.getdoc(hook)


@pytest.mark.parametrize(("name", "hook"), HOOKS)
def test_the_readme_shows_the_exact_signature(name: str, hook: object) -> None:
    assert callable(hook)
    signature = str(inspect.signature(hook)).replace("'", "")
    assert f"{name}{signature}" in README.read_text()


@pytest.mark.parametrize(("name", "hook"), HOOKS)
def test_a_specification_is_never_an_implementation(name: str, hook: object) -> None:
    assert callable(hook)
    with pytest.raises(NotImplementedError):
        hook()
    assert name
