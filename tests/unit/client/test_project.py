"""What is the project's own code."""

from __future__ import annotations

import json
import os
import sys
import sysconfig
import threading
from pathlib import Path
from types import ModuleType

import cloudpickle
import pytest

import cloud
from picloud.client import loading, project


def test_installed_and_standard_modules_are_not_the_projects() -> None:
    for module in (json, cloudpickle, pytest, os, sys, cloud):
        assert not project.is_project_module(module.__name__, module), module


def test_this_module_is() -> None:
    assert project.is_project_module(__name__, sys.modules[__name__])


def test_main_is_not_a_module() -> None:
    assert not project.is_project_module("__main__", sys.modules[__name__])


def test_modules_without_source_are_not(tmp_path: Path) -> None:
    assert not project.is_project_module("made_up", ModuleType("made_up"))
    extension = ModuleType("fast")
    extension.__file__ = str(tmp_path / "fast.so")
    assert not project.is_project_module("fast", extension)
    assert not project.is_project_module("strange", object())


def test_no_fork_comes_between_while_sysconfig_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds a lock of its own meanwhile, which a child would find held for good."""
    get_path, free = sysconfig.get_path, []

    def ask(name: str) -> str:
        thread = threading.Thread(target=lambda: free.append(loading.lock.acquire(blocking=False)))
        thread.start()
        thread.join()
        return get_path(name)

    monkeypatch.setattr(sysconfig, "get_path", ask)
    assert project.foreign_roots.__wrapped__() == project.foreign_roots()
    assert free
    assert not any(free)


def test_files_beside_installed_ones() -> None:
    folder = sysconfig.get_path("stdlib")
    assert not project.is_project_file(f"{folder}/inside.py")
    assert project.is_project_file(f"{folder}-beside/outside.py")
    assert not project.is_project_file(f"{sysconfig.get_path('purelib')}/inside.py")


def test_a_link_into_site_packages_is_foreign(tmp_path: Path) -> None:
    (tmp_path / "linked").symlink_to(sysconfig.get_path("purelib"))
    assert not project.is_project_file(str(tmp_path / "linked" / "inside.py"))


def test_text_in_its_own_encoding(tmp_path: Path) -> None:
    file = tmp_path / "latin.py"
    file.write_bytes("# -*- coding: latin-1 -*-\nNAME = 'é'\n".encode("latin-1"))
    assert project.read_text(str(file)) == "# -*- coding: latin-1 -*-\nNAME = 'é'\n"
    file.write_bytes(b"NAME = '\xff'\n")
    assert project.read_text(str(file)) is None
    assert project.read_text(str(tmp_path / "missing.py")) is None


def test_a_stamp_tells_states_apart(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    assert project.stamp(str(file)) is None
    file.write_text("a")
    first = project.stamp(str(file))
    assert first == project.stamp(str(file))
    file.write_text("ab")
    assert first != project.stamp(str(file))


def test_specs_are_found_without_importing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "found_pkg"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    (package / "inner.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    spec = project.find_spec("found_pkg", None)
    assert spec is not None
    inner = project.find_spec("found_pkg.inner", spec.submodule_search_locations)
    assert inner is not None
    assert inner.origin == str(package / "inner.py")
    assert project.find_spec("found_pkg.missing", spec.submodule_search_locations) is None
    assert "found_pkg" not in sys.modules


def test_a_failing_finder_knows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing:
        def find_spec(self, *names: object) -> None:
            raise RuntimeError

    monkeypatch.setattr(sys, "meta_path", [Failing(), object(), *sys.meta_path])
    assert project.find_spec("json", None) is not None
