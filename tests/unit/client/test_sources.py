"""The bundle of the project's modules."""

from __future__ import annotations

import importlib
import linecache
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import pytest

from picloud.client import whitelist
from picloud.client.sources import Sources
from picloud.model import bundle
from picloud.model.bundle import Bundle, Source


class Project:
    """A folder of modules on sys.path."""

    def __init__(self, folder: Path, top: str) -> None:
        self.folder = folder
        self.top = top
        self.sources = Sources()

    def write(self, name: str, text: str) -> Path:
        file = self.folder / self.top / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        importlib.invalidate_caches()
        return file

    def load(self, name: str = "") -> ModuleType:
        return importlib.import_module(f"{self.top}.{name}" if name else self.top)

    def bundle(self, *codes: CodeType) -> dict[str, Source]:
        """Return this project's modules by their names within it."""
        encoded = self.sources.current(list(codes))
        modules = Bundle.decode(encoded.content).modules
        return {
            name.removeprefix(f"{self.top}."): source for name, source in modules.items() if name.startswith(self.top)
        }


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Project]:
    top = f"prj_{abs(hash(request.node.name))}"
    monkeypatch.syspath_prepend(str(tmp_path))
    yield Project(tmp_path, top)
    for name in [name for name in sys.modules if name.startswith(top)]:
        del sys.modules[name]


def _code(text: str, file: str = "<stdin>") -> CodeType:
    space: dict[str, Any] = {}
    exec(compile(text, file, "exec"), space)
    function: Callable[..., Any] = space["f"]
    return function.__code__


def test_loaded_modules_are_in_it(project: Project) -> None:
    init = project.write("__init__.py", "")
    file = project.write("a.py", "X = 1\n")
    project.load("a")
    assert project.bundle() == {
        project.top: Source(str(init), True, ""),
        "a": Source(str(file), False, "X = 1\n"),
    }


def test_so_is_the_test_itself_but_nothing_that_is_installed() -> None:
    names = Bundle.decode(Sources().current([]).content).modules
    assert __name__ in names
    assert not [name for name in names if name.partition(".")[0] in {"picloud", "cloud", "pytest", "numpy", "json"}]
    assert "__main__" not in names


def test_nothing_has_changed(project: Project) -> None:
    project.write("__init__.py", "def f():\n    from . import lazy\n")
    project.write("lazy.py", "")
    project.load()
    first = project.sources.current([])
    state = project.sources._state
    assert project.sources.current([]) is first
    assert project.sources._state is state


def test_an_import_inside_a_function_is_followed(project: Project) -> None:
    project.write("__init__.py", "")
    project.write("a.py", "def f():\n    from . import lazy\n    import not_there_at_all\n")
    project.write("lazy.py", "from .deeper.inner import x\n")
    project.write("deeper/__init__.py", "")
    project.write("deeper/inner.py", "x = 1\n")
    project.write("unused.py", "")
    project.load("a")
    assert set(project.bundle()) == {project.top, "a", "lazy", "deeper", "deeper.inner"}
    assert f"{project.top}.lazy" not in sys.modules


def test_a_module_that_is_not_loaded_is_read_again_when_it_changes(project: Project) -> None:
    project.write("__init__.py", "def f():\n    from . import lazy\n")
    project.write("lazy.py", "x = 1\n")
    project.load()
    assert project.bundle()["lazy"].text == "x = 1\n"
    file = project.write("lazy.py", "x = 2\ndef g():\n    from . import other\n")
    os.utime(file, ns=(1, 1))
    project.write("other.py", "")
    assert project.bundle()["lazy"].text.startswith("x = 2\n")
    assert "other" in project.bundle()
    file.unlink()
    assert set(project.bundle()) == {project.top}


def test_a_loaded_module_is_what_it_was_when_loaded(project: Project) -> None:
    project.write("__init__.py", "x = 1\n")
    module = project.load()
    assert project.bundle()[project.top].text == "x = 1\n"
    file = project.write("__init__.py", "x = 22\n")
    assert project.bundle()[project.top].text == "x = 1\n"
    os.utime(file, ns=(1, 1))
    importlib.reload(module)
    assert project.bundle()[project.top].text == "x = 22\n"


def test_a_module_that_was_replaced_is_read_again(project: Project) -> None:
    project.write("__init__.py", "x = 1\n")
    project.load()
    before = project.bundle()
    project.write("__init__.py", "x = 22\n")
    del sys.modules[project.top]
    project.load()
    assert project.bundle() != before


def test_a_lazy_module_that_gets_loaded_stays_in_it(project: Project) -> None:
    project.write("__init__.py", "def f():\n    from . import lazy\n")
    project.write("lazy.py", "x = 1\n")
    module = project.load()
    before = project.sources.current([])
    module.f()
    assert project.sources.current([]).hash == before.hash


def test_the_same_modules_give_the_same_bundle(project: Project) -> None:
    project.write("__init__.py", "def f():\n    from . import a, b\n")
    project.write("a.py", "")
    project.write("b.py", "")
    project.load()
    first = project.sources.current([])
    project.load("b")
    project.load("a")
    assert Sources().current([]).content == first.content


def test_interactive_code_names_modules_too(project: Project) -> None:
    project.write("__init__.py", "")
    project.write("lazy.py", "")
    code = _code(f"def f():\n    def g():\n        import {project.top}.lazy\n    return g")
    assert project.bundle() == {}
    assert set(project.bundle(code)) == {project.top, "lazy"}
    assert set(project.bundle()) == {project.top, "lazy"}


def test_code_that_imports_nothing_new_costs_no_second_look(project: Project) -> None:
    project.bundle()
    state = project.sources._state
    project.bundle(_code("def f():\n    import json"), _code("def f(): pass"))
    assert project.sources._state is not None
    project.bundle(_code("def f(): return 1"))
    assert project.sources._state.encoded is (state.encoded if state else None)


def test_a_namespace_package(project: Project) -> None:
    project.write("inner/a.py", "def f():\n    from . import b\n")
    project.write("inner/b.py", "")
    project.load("inner.a")
    assert set(project.bundle()) == {"inner.a", "inner.b"}


def test_quoted_text_of_an_interactive_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "def f():\n    return 1\n"
    bundle.quote("<cell 7>", text)
    try:
        assert Sources().quoted_text(_code(text, "<cell 7>")) == text
    finally:
        del linecache.cache["<cell 7>"]
    assert Sources().quoted_text(_code(text, "<nowhere>")) is None


def test_what_is_in_the_bundle_is_not_quoted_again(project: Project) -> None:
    file = project.write("__init__.py", "def f():\n    return 1\n")
    module = project.load()
    linecache.getline(str(file), 1)
    project.bundle()
    bundle.quote(str(file), "something else")
    assert project.sources.quoted_text(module.f.__code__) is None
    del linecache.cache[str(file)]


def test_the_main_script_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "script.py"
    script.write_text("print()\n")
    monkeypatch.setattr(sys.modules["__main__"], "__file__", str(script), raising=False)
    sources = Sources()
    assert Bundle.decode(sources.current([]).content).quoted == {str(script): "print()\n"}
    script.write_text("changed()\n")
    assert Bundle.decode(sources.current([]).content).quoted == {str(script): "print()\n"}


def test_in_a_worker_the_same_bundle_travels_on(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that submits another one finds it in the pool of its own worker."""
    init = project.write("__init__.py", "x = 2\n")
    project.load()
    carried = Bundle(
        {project.top: Source(str(init), True, "x = 1\n"), f"{project.top}.lazy": Source("l", False, "")}, {"s": "t"}
    )
    monkeypatch.setattr(bundle, "installed", carried)
    encoded = Bundle.decode(project.sources.current([]).content)
    assert {name: encoded.modules[name] for name in carried.modules} == carried.modules
    assert encoded.quoted.items() >= carried.quoted.items()


def test_a_whitelist_holds_at_once_and_until_it_is_taken_back(project: Project) -> None:
    for name in ("__init__.py", "a.py", "b.py", "late.py"):
        project.write(name, "def f():\n    from . import late\n" if name == "b.py" else "")
    project.load("a")
    project.load("b")
    try:
        assert set(project.bundle()) == {project.top, "a", "b", "late"}
        whitelist.allow([f"{project.top}.a"])
        assert set(project.bundle()) == {project.top, "a"}
        whitelist.allow([])
        assert project.bundle() == {}
    finally:
        whitelist.allow(None)
    assert set(project.bundle()) == {project.top, "a", "b", "late"}
