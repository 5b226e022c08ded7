"""The simulator and `cloud.mp`: however their client ends, neither a process nor a file of theirs is left."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from picloud.testing.node import processes_of

from . import conftest as shared

_START = {
    "simulator": "cloud.start_simulator()\njobs = cloud",
    "mp": "import cloud.mp\njobs = cloud.mp",
}
_WORK = """
import tree
jobs.call(tree.grow, os.getcwd())
while not os.path.exists('pids'): time.sleep(0.01)
print(jobs.connection_info()['home'], flush=True)
"""
_SEEN = "while not os.path.exists('seen'): time.sleep(0.01)"
_ENDS = {
    "close": "jobs.close()\nprint('closed', flush=True)\ntime.sleep(300)",
    "exit": "",
    "sys.exit": "sys.exit(0)",
    "exception": "raise ValueError",
    "Ctrl-C": "jobs.join(1)",
    "SIGTERM": "time.sleep(300)",
    "kill -9": "time.sleep(300)",
    "os._exit": "os._exit(0)",
}
_SIGNALS = {"Ctrl-C": signal.SIGINT, "SIGTERM": signal.SIGTERM, "kill -9": signal.SIGKILL}


def _line(program: subprocess.Popen[str]) -> str:
    assert program.stdout is not None
    return program.stdout.readline().strip()


def _nothing_is_left(home: Path, processes: list[psutil.Process]) -> None:
    shared.until(lambda: shared.none_lives(processes) and not home.exists() and not processes_of(home))


@pytest.mark.parametrize(
    ("kind", "end"), [*(("simulator", end) for end in _ENDS), *(("mp", end) for end in ("close", "exit", "kill -9"))]
)
def test_nothing_is_left(kind: str, end: str, programs: shared.Programs, home: Path) -> None:
    program = programs.start(f"{_START[kind]}\n{_WORK}\n{_SEEN}\n{_ENDS[end]}")
    private = Path(_line(program))
    processes = shared.grown(programs.folder)
    (programs.folder / "seen").touch()
    assert private != home
    if end == "close":
        assert _line(program) == "closed"
        assert not private.exists()
        assert shared.none_lives(processes)
    elif end in _SIGNALS:
        program.send_signal(_SIGNALS[end])
    _nothing_is_left(private, processes)
    assert not any(home.iterdir())


def test_a_killed_private_node_takes_everything_along_but_its_files_go_with_the_client(
    programs: shared.Programs,
) -> None:
    program = programs.start(
        f"{_START['simulator']}\n{_WORK}\nprint(jobs.connection_info()['pid'], flush=True)\ninput()"
    )
    private = Path(_line(program))
    processes = shared.grown(programs.folder)
    psutil.Process(int(_line(program))).kill()
    shared.until(lambda: shared.none_lives(processes))
    program.communicate("\n")
    _nothing_is_left(private, processes)


def test_the_simulator_starts_anew_after_it_was_closed(programs: shared.Programs) -> None:
    first, second = programs.run(
        "import json\n"
        "cloud.start_simulator()\n"
        "cloud.result(cloud.map(abs, range(5)))\n"
        "first = [cloud.connection_info()['home'], cloud.call(abs, -1)]\n"
        "cloud.close()\n"
        "jid = cloud.call(abs, -1)\n"
        "assert cloud.result(jid) == 1 and cloud.is_simulated()\n"
        "print(json.dumps([first, [cloud.connection_info()['home'], jid]]))"
    )
    assert first[0] != second[0]
    assert (first[1], second[1]) == (6, 7)


def test_simulator_mp_and_the_machines_own_node_are_three(programs: shared.Programs, home: Path) -> None:
    homes = programs.run(
        "import json, cloud.mp\n"
        "homes = []\n"
        "for jobs in (cloud, cloud.mp):\n"
        "    assert jobs.result(jobs.call(abs, -1)) == 1\n"
        "    homes.append(jobs.connection_info()['home'])\n"
        "cloud.start_simulator()\n"
        "assert cloud.result(cloud.call(abs, -1)) == 1\n"
        "print(json.dumps([*homes, cloud.connection_info()['home']]))"
    )
    assert len(set(homes)) == 3
    assert homes[0] == str(home)
    assert not Path(homes[1]).exists()
    assert not Path(homes[2]).exists()
