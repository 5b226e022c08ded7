"""The rules of the house that no other tool checks: sizes, names, docstrings, and a test module for every module."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE_ROOTS = ("picloud", "backends", "plugins", "tui")
LINES = 500
"""No file is longer."""
VAGUE = {"utils", "util", "common", "helpers", "helper", "misc", "stuff", "shared"}
"""Names that say nothing about what lives there."""

UNTESTED = {
    "picloud/picloud/hooks/__init__.py": "re-exports the interface of places",
    "picloud/picloud/testing/place_contract.py": "is a suite itself; tests/contract runs it",
    "backends/picloud_local/__init__.py": "tests/contract/test_local_place.py",
}
"""Modules without a test module of their name, and where they are tested instead."""


def _sources() -> list[Path]:
    return [path for root in SOURCE_ROOTS for path in sorted((ROOT / root).rglob("*.py"))]


def _all_files() -> list[Path]:
    more = [
        path for folder in ("tests", "benchmarks", "examples", "docs") for path in sorted((ROOT / folder).rglob("*.py"))
    ]
    return _sources() + more


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _is_code(path: Path) -> bool:
    """Return whether a module holds more than its docstring, imports and `__all__`."""
    plain = (ast.Import, ast.ImportFrom, ast.Expr)
    body = ast.parse(path.read_text()).body
    return any(not isinstance(node, plain) and not _is_public_list(node) for node in body)


def _is_public_list(node: ast.stmt) -> bool:
    if not isinstance(node, ast.Assign):
        return False
    return [target.id for target in node.targets if isinstance(target, ast.Name)] in (["__all__"], ["__version__"])


@pytest.mark.parametrize("path", _all_files(), ids=_name)
def test_no_file_is_too_long(path: Path) -> None:
    with path.open() as file:
        count = sum(1 for _ in file)
    assert count <= LINES, f"{count} lines"


@pytest.mark.parametrize("path", _all_files(), ids=_name)
def test_names_say_what_lives_there(path: Path) -> None:
    words = {part.removesuffix(".py").strip("_") for part in path.relative_to(ROOT).parts}
    assert not words & VAGUE


def test_nothing_at_the_root_can_be_imported() -> None:
    assert not list(ROOT.glob("*.py"))
    assert not [folder for folder in ROOT.iterdir() if (folder / "__init__.py").exists()]


@pytest.mark.parametrize("root", SOURCE_ROOTS)
def test_packages_have_our_names(root: str) -> None:
    """A wheel of ours puts no generic name into anybody's site-packages."""
    packages = [path.parent.name for path in (ROOT / root).glob("*/__init__.py")]
    assert all(name in {"cloud", "picloud"} or name.startswith("picloud_") for name in packages), packages
    assert not list((ROOT / root).glob("*.py"))


def _candidates(path: Path) -> list[Path]:
    """Return where the tests of a source module may live: the same room, under unit or integration."""
    _root, package, *rooms = path.relative_to(ROOT).parent.parts
    module = path.stem if path.stem != "__init__" else (rooms.pop() if rooms else package)
    folders = rooms if package == "picloud" else [package, *rooms]
    name = f"test_{module.strip('_')}.py"
    return [ROOT.joinpath("tests", kind, *folders, name) for kind in ("unit", "integration")]


@pytest.mark.parametrize("path", _sources(), ids=_name)
def test_every_module_has_a_test_module(path: Path) -> None:
    if _name(path) in UNTESTED or not _is_code(path):
        return
    candidates = _candidates(path)
    assert any(candidate.exists() for candidate in candidates), f"none of {', '.join(map(_name, candidates))}"


@pytest.mark.parametrize("name", UNTESTED)
def test_exemptions_are_still_needed(name: str) -> None:
    assert (ROOT / name).exists()
    assert not any(candidate.exists() for candidate in _candidates(ROOT / name))


@pytest.mark.parametrize("path", _sources(), ids=_name)
def test_everything_public_is_documented(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert not tree.body or ast.get_docstring(tree), "the module"
    missing = [name for name, node in _public(tree) if not ast.get_docstring(node)]
    assert not missing


def _public(
    owner: ast.Module | ast.ClassDef,
) -> list[tuple[str, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Return the public definitions in a module or class, and in its public classes."""
    found = []
    for node in owner.body:
        if (
            isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
            and not node.name.startswith("_")
            and not _is_overload(node)
        ):
            found.append((node.name, node))
            if isinstance(node, ast.ClassDef):
                found += [(f"{node.name}.{name}", inner) for name, inner in _public(node)]
    return found


def _is_overload(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    names = {ast.unparse(decorator).rpartition(".")[2] for decorator in node.decorator_list}
    return bool(names & {"overload", "setter"})
