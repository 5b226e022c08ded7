"""cloud.mp and the simulator: the same functions, and nothing is left."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from picloud.testing.node import processes_of


@pytest.fixture
def cloud(home: Path) -> Iterator[ModuleType]:
    import cloud as module

    module.config.commit()
    yield module
    module.mp.close()
    module.close()
    module.config.commit()


def test_mp(cloud: ModuleType) -> None:
    mp = cloud.mp
    jids = mp.map(lambda x: x + 1, range(10))
    assert jids == range(jids[0], jids[0] + 10)
    assert mp.result(jids, timeout=40) == list(range(1, 11))
    facts = mp.connection_info()
    assert facts["connection_type"] == "multiprocessing"
    assert facts["durability"] == "process"
    home = Path(facts["home"])
    assert mp.close() is True
    assert not home.exists()
    assert processes_of(home) == []
    assert mp.connection_info()["opened"] is False
    assert mp.call(abs, 1) > jids[-1]


def test_mp_has_its_own_jobs(cloud: ModuleType) -> None:
    """The machine's node is not even started."""
    cloud.mp.join(cloud.mp.call(abs, -1), timeout=40)
    assert cloud.connection_info()["opened"] is False


def test_the_number_of_processes(cloud: ModuleType) -> None:
    cloud.config.num_procs = 1
    try:
        cloud.mp.join(cloud.mp.call(abs, 1), timeout=40)
        assert cloud.mp.connection_info()["num_procs"] == 1
    finally:
        cloud.config.num_procs = 0


def test_the_simulator(cloud: ModuleType) -> None:
    cloud.start_simulator()
    assert cloud.is_simulated()
    assert cloud.result(cloud.call(cloud.running_on_cloud), timeout=40) is True
    facts = cloud.connection_info()
    assert facts["connection_type"] == "simulation"
    first = Path(facts["home"])
    cloud.start_simulator()
    assert cloud.connection_info()["home"] == str(first)
    cloud.start_simulator(force_restart=True)
    assert not first.exists()
    assert cloud.result(cloud.call(abs, 1), timeout=40) == 1
    cloud.setkey(1)
    assert not cloud.is_simulated()


def test_a_nested_job_stays_on_its_private_node(cloud: ModuleType) -> None:
    def outer() -> int:
        import cloud as inside

        inner = inside.mp.call(abs, -5)
        value: int = inside.result(inner)
        return value

    assert cloud.mp.result(cloud.mp.call(outer), timeout=40) == 5


@pytest.mark.parametrize(
    "end",
    [
        "pass",
        "import sys; sys.exit(3)",
        "raise KeyboardInterrupt",
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    ],
)
def test_nothing_is_left_when_the_program_ends(end: str, tmp_path: Path) -> None:
    program = (
        "import cloud, time\n"
        "cloud.mp.result(cloud.mp.call(abs, 1), timeout=40)\n"
        "cloud.mp.call(time.sleep, 100)\n"
        "print(cloud.mp.connection_info()['home'], flush=True)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program + end], capture_output=True, text=True, timeout=50, cwd=tmp_path, check=False
    )
    home = Path(result.stdout.strip())
    assert home.name.startswith("picloud-"), result.stderr
    assert _gone(home), processes_of(home)


def _gone(home: Path) -> bool:
    import time

    deadline = time.monotonic() + 15
    while home.exists() or processes_of(home):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
