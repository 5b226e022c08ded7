"""The machine that was measured on, and how long its disk takes to keep something."""

from __future__ import annotations

import os
import platform
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

import lmdb
import psutil

_TRIES = 200
_BLOCK = bytes(4096)
_PACKAGES = (
    "picloud",
    "loky",
    "joblib",
    "distributed",
    "ray",
    "parsl",
    "lmdb",
    "cloudpickle",
    "msgspec",
    "uvloop",
    "numpy",
)


def facts(folder: Path) -> dict[str, Any]:
    """Return what a reader must know to compare figures; `folder` is where the homes lie."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "processor": _processor(),
        "cpus": len(os.sched_getaffinity(0)),
        "memory": psutil.virtual_memory().total,
        "file_system": _file_system(folder),
        "load": os.getloadavg()[0],
        "versions": {name: found for name in _PACKAGES if (found := _version(name))},
    }


def disk(folder: Path, tries: int = _TRIES) -> dict[str, float]:
    """Return median seconds of 4 kB synced, at a file's end and over blocks that exist, and of LMDB commits of a small record."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        return {
            "fdatasync": _fdatasync(Path(name) / "file", tries),
            "overwritten": _overwrite(Path(name) / "blocks", tries),
            "lmdb_synced": _commit(Path(name) / "synced", tries, sync=True),
            "lmdb_unsynced": _commit(Path(name) / "unsynced", tries, sync=False),
        }


def _fdatasync(path: Path, tries: int) -> float:
    taken = []
    with path.open("wb", buffering=0) as file:
        for _ in range(tries):
            began = time.perf_counter()
            file.write(_BLOCK)
            os.fdatasync(file.fileno())
            taken.append(time.perf_counter() - began)
    return median(taken)


def _overwrite(path: Path, tries: int) -> float:
    path.write_bytes(_BLOCK * tries)
    descriptor = os.open(path, os.O_WRONLY | os.O_DSYNC)
    taken = []
    try:
        os.fsync(descriptor)
        for number in range(tries):
            began = time.perf_counter()
            os.pwrite(descriptor, _BLOCK, number * len(_BLOCK))
            taken.append(time.perf_counter() - began)
    finally:
        os.close(descriptor)
    return median(taken)


def _commit(path: Path, tries: int, *, sync: bool) -> float:
    taken = []
    with lmdb.open(str(path), map_size=1 << 28, sync=sync, metasync=sync) as environment:
        for number in range(tries):
            began = time.perf_counter()
            with environment.begin(write=True) as txn:
                txn.put(number.to_bytes(8, "big"), _BLOCK[:200])
            taken.append(time.perf_counter() - began)
    return median(taken)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _file_system(folder: Path) -> str:
    around = [part for part in psutil.disk_partitions(all=True) if folder.is_relative_to(part.mountpoint)]
    return max(around, key=lambda part: len(part.mountpoint)).fstype if around else "unknown"


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
