"""A client in a storm: submits and reads until the file `stop` is there, and keeps a diary.

It is a program: `python -m tests.faults.client FOLDER SEED`.  The diary is what it was told: which submissions were
acknowledged, and what it saw of their results.  A line of it is one `write` to a file that is only ever appended to, made
after the answer came, so that nothing stands there which was not said.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import cloud
from picloud import faults
from picloud.exceptions import CloudException
from picloud.store import starts

from .jobs import job_of

PATIENCE = 20.0
"""Seconds after which a wait for results is given up."""


def main(folder: Path, seed: int) -> None:
    """Submit and read."""
    drawn = random.Random(seed)
    habits = json.loads((folder / "habits").read_text())
    acknowledged: list[tuple[str, range]] = []
    number = 0
    while not (folder / "stop").exists():
        number += 1
        token = f"{seed}.{number}"
        _aim(folder, drawn, habits["points"], habits["visits"])
        try:
            acknowledged.append((token, _submit(folder, drawn, token)))
            if drawn.random() < 0.6:
                _look(folder, *drawn.choice(acknowledged))
            if drawn.random() < habits["backup"]:
                _back_up(folder, token)
            if drawn.random() < habits["rest"]:
                _rest(habits["seconds"])
        except CloudException as error:
            # Nothing was acknowledged, or nothing seen.
            _write(folder / "errors", {"token": token, "error": f"{type(error).__name__}: {error}"})


def _aim(folder: Path, drawn: random.Random, points: list[str], visits: int) -> None:
    """Choose where a node that this process starts next shall end, if anywhere."""
    log = folder / "visited"
    os.environ[faults.VARIABLE] = f"::{log}"
    # After three starts that failed one after the other, a home is only read.
    steady = starts.read(Path(os.environ["PICLOUD_HOME"])).failures == 0
    if points and steady and drawn.random() < 0.7:
        os.environ[faults.VARIABLE] = f"{drawn.choice(points)}:{drawn.randint(1, visits)}:{log}"
        log.with_name(log.name + faults.ARMED).touch()


def _submit(folder: Path, drawn: random.Random, token: str) -> range:
    count = drawn.choice((1, 1, drawn.randint(2, 40), drawn.randint(100, 600)))
    seconds = drawn.choice((0.0, 0.0, 0.001, 0.02)) if count <= 40 else 0.0
    ballast = drawn.choice((0, 0, 300_000)) if count <= 3 else 0
    restartable = drawn.random() < 0.5
    job = job_of(str(folder / "journal"), token, seconds, ballast)
    options: dict[str, Any] = {"_label": token, "_restartable": restartable}
    if count == 1 and drawn.random() < 0.5:
        jid = cloud.call(job, 0, **options)
        jids = range(jid, jid + 1)
    else:
        jids = cloud.map(job, range(count), **options)
    _write(folder / "diary", {"token": token, "first": jids[0], "count": len(jids), "restartable": restartable})
    return jids


def _look(folder: Path, token: str, jids: range) -> None:
    values = cloud.result(jids, ignore_errors=True, timeout=PATIENCE)
    seen = [value[0] if isinstance(value, tuple) else None for value in values]
    _write(folder / "diary", {"token": token, "seen": seen})


def _back_up(folder: Path, token: str) -> None:
    """Make a backup, or try to."""
    target = folder / "backups" / token
    subprocess.run([sys.executable, "-m", "picloud.cli.main", "node", "backup", str(target)], check=False)


def _rest(seconds: float) -> None:
    """Have nothing to do with the node until it may have ended by itself."""
    cloud.close()
    time.sleep(seconds)


def _write(path: Path, line: dict[str, Any]) -> None:
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, json.dumps(line).encode() + b"\n")
    os.close(file)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
