"""What is built: the wheel holds the packages and nothing else, the source distribution what the repository tracks."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SOURCE_ROOTS = ("picloud", "backends", "plugins", "tui")


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    """Give pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def _build(target: str, folder: Path) -> Path:
    """Build a `wheel` or `sdist` with the backend that is installed, so that no network is needed."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Give the names of the files in the wheel."""
    with zipfile.ZipFile(_build("wheel", tmp_path_factory.mktemp("wheel"))) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Give the names of the files in the source distribution, without its top folder."""
    with tarfile.open(_build("sdist", tmp_path_factory.mktemp("sdist"))) as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


def _packages() -> set[str]:
    """Return the import packages in the source roots, as paths from the repository."""
    return {str(path.parent.relative_to(ROOT)) for root in SOURCE_ROOTS for path in (ROOT / root).glob("*/__init__.py")}


def test_the_list_of_packages_is_the_folders(project: dict[str, Any]) -> None:
    assert set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == _packages()


def test_import_linter_knows_every_package(project: dict[str, Any]) -> None:
    assert set(project["tool"]["importlinter"]["root_packages"]) == {Path(package).name for package in _packages()}


def test_type_checks_and_lint_cover_every_source_root(project: dict[str, Any]) -> None:
    roots = {package.partition("/")[0] for package in _packages()}
    assert roots <= set(project["tool"]["mypy"]["mypy_path"].split(":"))
    assert roots <= set(project["tool"]["mypy"]["files"])
    assert roots <= set(project["tool"]["ruff"]["src"])


def test_the_wheel_holds_the_packages_and_nothing_else(wheel: set[str], project: dict[str, Any]) -> None:
    expected = {
        str(path.relative_to((ROOT / package).parent))
        for package in _packages()
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    metadata = f"picloud-{project['project']['version']}.dist-info/"
    assert {name for name in wheel if not name.startswith(metadata)} == expected
    assert metadata + "licenses/LICENSE" in wheel
    assert metadata + "entry_points.txt" in wheel


def test_packages_are_typed(wheel: set[str]) -> None:
    assert {"cloud/py.typed", "picloud/py.typed"} <= wheel


def test_the_source_distribution_holds_what_the_repository_tracks(sdist: set[str]) -> None:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listing.returncode != 0:
        pytest.skip("this is no git repository, so that nothing is tracked")
    tracked = {name for name in listing.stdout.split("\0") if name and (ROOT / name).exists()}
    assert tracked - sdist == set()


def test_the_licence_is_apaches() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_every_supported_python_is_named_everywhere(project: dict[str, Any]) -> None:
    """The classifiers are the promise; tox.ini keeps it."""
    prefix = "Programming Language :: Python :: "
    promised = {name.removeprefix(prefix) for name in project["project"]["classifiers"] if name.startswith(prefix)}
    tasks = (ROOT / "tox.ini").read_text()
    assert all(f"py{version.replace('.', '')}" in tasks for version in promised)
    assert project["project"]["requires-python"] == f">={min(promised, key=lambda v: tuple(map(int, v.split('.'))))}"
