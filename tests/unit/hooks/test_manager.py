"""Plugins: found, called each by itself, named when they fail."""

from __future__ import annotations

import logging
from importlib.metadata import EntryPoint
from types import SimpleNamespace
from typing import NoReturn

import pytest

from picloud.exceptions import BackendError
from picloud.hooks import Place, PlaceCapabilities, SupervisorSpec, SupervisorStream
from picloud.hooks.manager import Plugins


class _Lighthouse:
    capabilities = PlaceCapabilities(descriptors=False)

    def __init__(self, name: str = "lighthouse") -> None:
        self.name = name

    def start(self, spec: SupervisorSpec) -> SupervisorStream:
        raise BackendError(spec.key)


def _offering(*places: Place) -> SimpleNamespace:
    return SimpleNamespace(picloud_places=lambda: list(places))


def _raising() -> NoReturn:
    raise OSError("no light")


def _entry(name: str, value: str) -> EntryPoint:
    return EntryPoint(name=name, value=value, group="picloud")


def test_a_function_with_a_hooks_name_is_enough() -> None:
    plugins = Plugins()
    plugins.register(_offering(_Lighthouse()), "harbour")
    assert plugins.names == ("harbour",)
    assert list(plugins.places()) == ["lighthouse"]
    assert plugins.place("lighthouse").name == "lighthouse"
    assert plugins.failures == []


def test_places_of_a_plugin_are_made_once() -> None:
    plugins = Plugins()
    plugins.register(SimpleNamespace(picloud_places=lambda: [_Lighthouse()]), "harbour")
    assert plugins.place("lighthouse") is plugins.place("lighthouse")


def test_a_plugin_registered_later_is_seen() -> None:
    plugins = Plugins()
    plugins.register(_offering(_Lighthouse("one")), "first")
    assert set(plugins.places()) == {"one"}
    plugins.register(_offering(_Lighthouse("two")), "second")
    assert set(plugins.places()) == {"one", "two"}


@pytest.mark.parametrize(
    "answer", [_raising, lambda: [object()], lambda: None], ids=["raises", "not a place", "no list"]
)
def test_a_hook_that_fails_takes_no_other_plugin_along(answer: object, caplog: pytest.LogCaptureFixture) -> None:
    plugins = Plugins()
    plugins.register(SimpleNamespace(picloud_places=answer), "broken")
    plugins.register(_offering(_Lighthouse()), "harbour")
    with caplog.at_level(logging.ERROR):
        assert list(plugins.places()) == ["lighthouse"]
    assert [failure.plugin for failure in plugins.failures] == ["broken"]
    assert "broken" in caplog.text


def test_an_unknown_place_is_an_error_that_lists_places_and_failures() -> None:
    plugins = Plugins()
    plugins.register(_offering(_Lighthouse()), "harbour")
    plugins.register(SimpleNamespace(picloud_places=_raising), "broken")
    with pytest.raises(BackendError, match="no place 'moon'; places are lighthouse") as caught:
        plugins.place("moon")
    assert "The plugin broken was left out: OSError: no light" in str(caught.value)
    assert caught.value.code == "node.backend"


@pytest.mark.parametrize(
    "plugin",
    [SimpleNamespace(picloud_palces=_raising), SimpleNamespace(picloud_places=lambda machine: [machine])],
    ids=["misspelt", "unknown argument"],
)
def test_a_function_that_fits_no_hook_is_refused(plugin: object) -> None:
    plugins = Plugins()
    with pytest.raises(Exception, match="picloud_p"):
        plugins.register(plugin, "wrong")
    assert plugins.names == ()
    plugins.register(_offering(_Lighthouse()), "harbour")
    assert list(plugins.places()) == ["lighthouse"]


def test_two_plugins_of_one_name() -> None:
    plugins = Plugins()
    plugins.register(_offering(_Lighthouse()), "harbour")
    with pytest.raises(ValueError, match="harbour"):
        plugins.register(_offering(_Lighthouse("other")), "harbour")
    assert list(plugins.places()) == ["lighthouse"]


def test_a_places_name_belongs_to_the_plugin_that_came_first() -> None:
    first, second = _Lighthouse(), _Lighthouse()
    plugins = Plugins()
    plugins.register(_offering(first), "a")
    plugins.register(_offering(second), "b")
    assert plugins.place("lighthouse") is first
    assert [failure.plugin for failure in plugins.failures] == ["b"]


def test_a_plugin_that_cannot_be_imported_is_named_and_skipped(caplog: pytest.LogCaptureFixture) -> None:
    found = [_entry("local", "picloud_local"), _entry("gone", "picloud_that_is_not_installed")]
    with caplog.at_level(logging.ERROR):
        plugins = Plugins.load({}, found)
    assert plugins.names == ("local",)
    assert [(failure.plugin, failure.reason) for failure in plugins.failures] == [
        ("gone", "ModuleNotFoundError: No module named 'picloud_that_is_not_installed'")
    ]
    assert "gone" in caplog.text


def test_the_local_place_is_found_as_a_strangers_would_be() -> None:
    plugins = Plugins.load({})
    assert plugins.place("local").capabilities.descriptors
    assert plugins.failures == []


@pytest.mark.parametrize(
    ("refused", "names"),
    [
        ("", {"harbour", "local", "moon"}),
        ("moon", {"harbour", "local"}),
        ("moon, local", {"harbour"}),
        ("1", set()),
        ("ALL", set()),
    ],
)
def test_plugins_can_be_left_out_by_the_environment(refused: str, names: set[str]) -> None:
    """Entry points made here belong to no distribution, so that `1` takes them all for strangers."""
    found = [_entry(name, "picloud_local") for name in ("local", "moon", "harbour")]
    plugins = Plugins.load({"PICLOUD_NO_PLUGINS": refused}, found)
    met = set(plugins.names) | {failure.plugin for failure in plugins.failures}
    assert met == names


def test_the_environments_refusal_spares_the_distributions_own() -> None:
    assert Plugins.load({"PICLOUD_NO_PLUGINS": "1"}).names == ("local",)
