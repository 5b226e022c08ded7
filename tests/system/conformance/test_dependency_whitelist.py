"""set_dependency_whitelist: which modules of the project travel with a job, and which are imported where it runs."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

PROGRAM = """
import os, time
import cloud
import alone, other, pkg.sub.deep, pkg.third

def hold():
    while not os.path.exists("go"): time.sleep(0.01)

def ask():
    import alone, other, pkg, pkg.sub, pkg.sub.deep, pkg.third
    return [module.STATE for module in (alone, other, pkg, pkg.sub, pkg.sub.deep, pkg.third)]

cloud.config.num_procs = 1
"""
"""A job of this program is submitted, then all files are edited, then it runs: what travelled is as it was."""

SUBMIT = """
jid = cloud.mp.call(ask, _depends_on=cloud.mp.call(hold))
for folder, _, files in os.walk("."):
    for file in files:
        if file.endswith(".py"):
            path = os.path.join(folder, file)
            text = open(path).read()
            open(path, "w").write(text.replace("STATE = 'old'", "STATE = 'edited'"))
open("go", "w").close()
print(*cloud.mp.result(jid, timeout=40))
"""

Run = Callable[[str], list[str]]


@pytest.fixture
def run(home: Path, tmp_path: Path) -> Run:
    """Say something, submit the job, and return what it found in alone, other, pkg, pkg.sub, pkg.sub.deep and pkg.third."""

    def run(statement: str) -> list[str]:
        for name in ("alone", "other", "pkg/__init__", "pkg/sub/__init__", "pkg/sub/deep", "pkg/third"):
            path = tmp_path / f"{name}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("STATE = 'old'\n")
        (tmp_path / "main.py").write_text(PROGRAM + textwrap.dedent(statement) + SUBMIT)
        done = subprocess.run(
            [sys.executable, "main.py"], cwd=tmp_path, capture_output=True, text=True, timeout=50, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    return run


def test_without_one_all_modules_travel(run: Run) -> None:
    assert run("") == ["old"] * 6


def test_a_named_module_travels_with_what_is_inside_it_and_the_packages_around_it(run: Run) -> None:
    """The main program always does."""
    found = run("assert cloud.set_dependency_whitelist(['alone', 'pkg.sub']) is None")
    assert found == ["old", "edited", "old", "old", "old", "edited"]


def test_an_empty_one_lets_none_travel_but_the_main_program(run: Run) -> None:
    assert run("cloud.set_dependency_whitelist([])") == ["edited"] * 6


@pytest.mark.parametrize(
    "statement",
    [
        "cloud.set_dependency_whitelist(None)",
        "cloud.start_simulator()",
        "cloud.setkey(restart=True)",
        "cloud.config.commit()",
    ],
)
def test_it_is_taken_back(run: Run, statement: str) -> None:
    assert run(f"cloud.set_dependency_whitelist([])\n{statement}\n") == ["old"] * 6


@pytest.mark.parametrize("names", ["pkg", b"pkg", 5, [5], [None], ["pkg", b"pkg"]])
def test_other_types_are_a_type_error(cloud: ModuleType, names: Any) -> None:
    with pytest.raises(TypeError, match="whitelist must"):
        cloud.set_dependency_whitelist(names)


def test_a_job_changes_nothing_for_the_next_one(cloud: ModuleType) -> None:
    def restrict() -> None:
        cloud.set_dependency_whitelist([])

    def ask() -> bool:
        from picloud.client import whitelist

        return whitelist.current().names is None

    cloud.join(cloud.map(lambda _: restrict(), range(4)), timeout=30)
    assert all(cloud.result(cloud.map(lambda _: ask(), range(4)), timeout=30))
