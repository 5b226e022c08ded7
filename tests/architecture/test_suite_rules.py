"""The rules of tests/conftest.py bite: small suites that break them, run by a pytest of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"


def _run(folder: Path, test: str, **environment: str) -> tuple[int, str]:
    """Run one test module under our conftest, and return pytest's status and output."""
    text = CONFTEST.read_text().replace("PATIENCE = 5.0", "PATIENCE = 0.2")
    (folder / "conftest.py").write_text(text)
    (folder / "test_it.py").write_text(test)
    inherited = {name: value for name, value in os.environ.items() if name != "CI" and not name.startswith("PYTEST")}
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", str(folder)],
        cwd=folder,
        env=inherited | environment,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    return result.returncode, result.stdout + result.stderr


LEAKS = {
    "process": "import subprocess; KEEP.append(subprocess.Popen(['sleep', '2']))",
    "socket": "import socket; KEEP.append(socket.socket())",
    "thread": "import threading; threading.Thread(target=threading.Event().wait, args=(2,), name='lost').start()",
}


@pytest.mark.parametrize("kind", LEAKS)
def test_what_a_test_leaves_behind_fails_it(kind: str, tmp_path: Path) -> None:
    status, output = _run(tmp_path, f"KEEP = []\ndef test_leak():\n    {LEAKS[kind]}\n")
    assert status == 1, output
    assert f"the test left behind: {kind} " in output


def test_what_ends_in_time_is_no_leak(tmp_path: Path) -> None:
    test = """
import socket, threading
def test_fine():
    threading.Thread(target=threading.Event().wait, args=(0.05,)).start()
    socket.socketpair()
"""
    status, output = _run(tmp_path, test)
    assert status == 0, output


SKIPS = {
    "mark": "import pytest\n@pytest.mark.skip(reason='no engine')\ndef test_it(): pass\n",
    "call": "import pytest\ndef test_it(): pytest.skip('no engine')\n",
    "module": "import pytest\npytest.skip('no engine', allow_module_level=True)\n",
}


@pytest.mark.parametrize("kind", SKIPS)
def test_a_skip_is_a_failure_only_in_ci(kind: str, tmp_path: Path) -> None:
    status, output = _run(tmp_path, SKIPS[kind])
    assert status in {0, 5}, output
    status, output = _run(tmp_path, SKIPS[kind], CI="true")
    assert status in {1, 2}, output
    assert "With CI=true nothing may be skipped" in output
    assert "no engine" in output


def test_an_expected_failure_is_no_skip(tmp_path: Path) -> None:
    test = "import pytest\n@pytest.mark.xfail\ndef test_it(): assert False\n"
    status, output = _run(tmp_path, test, CI="true")
    assert status == 0, output


def test_what_outlives_the_node_of_a_home_fails_the_test(tmp_path: Path) -> None:
    """The process here is a stranger's child by the time the test ends, as a job's daemon would be."""
    text = CONFTEST.read_text().replace("stop_home(folder)", "stop_home(folder, 0.2)")
    (tmp_path / "conftest.py").write_text(text)
    test = """
import os, subprocess
def test_it(home):
    assert os.environ["PICLOUD_HOME"] == str(home) and home.stat().st_mode & 0o77 == 0 and len(str(home)) < 60
    subprocess.run("sleep 30 & sleep 30 &", shell=True, check=True)
"""
    (tmp_path / "test_it.py").write_text(test)
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert result.returncode == 1, result.stdout
    assert len(set(re.findall(r"pid (\d+) \(sleep 30\)", result.stdout))) == 2, result.stdout


def test_the_real_home_is_out_of_reach(tmp_path: Path) -> None:
    test = "import os\ndef test_it():\n    assert os.environ['PICLOUD_HOME'].startswith('/nonexistent/')\n"
    status, output = _run(tmp_path, test + "    assert 'PICLOUD_CPUS' not in os.environ\n", PICLOUD_CPUS="1")
    assert status == 0, output
