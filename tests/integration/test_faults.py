"""Points do nothing unless asked for; then one process ends at one of them, and the others are noted."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from picloud import faults

PROGRAM = """
from picloud import faults

for _ in range(3):
    for name in faults.POINTS[:2]:
        faults.come_by(name)
print("alive")
"""


def run(value: str) -> subprocess.CompletedProcess[str]:
    environment = {faults.VARIABLE: value} if value else {}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_nothing_happens_unless_it_is_asked_for() -> None:
    done = run("")
    assert (done.returncode, done.stdout) == (0, "alive\n")


def test_one_process_ends_and_the_next_one_lives(tmp_path: Path) -> None:
    log = tmp_path / "visited"
    armed = log.with_name(log.name + faults.ARMED)
    armed.touch()
    first, second = faults.POINTS[:2]
    done = run(f"{second}:2:{log}")
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "")
    assert log.read_text().split() == [first, second, faults.ENDED + second]
    assert not armed.exists()
    assert run(f"{second}:2:{log}").stdout == "alive\n"


def test_visits_alone_are_noted_once_each(tmp_path: Path) -> None:
    log = tmp_path / "visited"
    assert run(f"::{log}").stdout == "alive\n"
    assert log.read_text().split() == list(faults.POINTS[:2])


@pytest.mark.parametrize("value", ["nowhere:1:file", "commit.done:soon:file", "commit.done"])
def test_a_value_that_names_no_point_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match=r"names 'nowhere'|invalid literal|not enough values"):
        faults.armed(value)


def test_every_point_is_in_the_code_once() -> None:
    """Those of the list, and no others."""
    package = Path(faults.__file__).parent
    named = [
        line.split('faults.come_by("')[1].split('"')[0]
        for path in sorted(package.rglob("*.py"))
        for line in path.read_text().splitlines()
        if 'faults.come_by("' in line
    ]
    assert sorted(named) == sorted(faults.POINTS)
