"""What fresh processes really load: import-linter sees only the imports that are written down."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"asyncio", "lmdb", "pluggy", "textual", "numpy", "msgspec", "uvloop", "click", "rich"}
"""What a user's program does not pay for until it is used."""
ON_HOSTS = {"cloudpickle", "dill", "multiprocess", "_multiprocess", "picloud"}
"""What may be loaded beside the standard library where workers run; dill comes with multiprocess."""
WORKER_ROOMS = {"exceptions", "model", "pickling", "wire", "worker"}
"""Rooms that travel to other hosts."""
PURE = {"asyncio", "socket", "subprocess", "random", "multiprocess", "lmdb", "pluggy", "msgspec"}


def _loaded(program: str) -> set[str]:
    """Return the names in sys.modules after a program, beyond those of an interpreter that did nothing."""
    code = f"import sys; before = set(sys.modules)\n{program}\nimport json; print(json.dumps(sorted(set(sys.modules) - before)))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True, env=_environment()
    )
    return set(json.loads(result.stdout.splitlines()[-1]))


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("COV", "PYTEST"))}


def _top(names: set[str]) -> set[str]:
    """Return the top packages of modules, less the aliases of the main program."""
    return {name.partition(".")[0] for name in names if not name.startswith("__")}


def _modules(package: str) -> list[str]:
    """Return the package and all modules in it, less those that run on import."""
    spec = importlib.util.find_spec(package)
    assert spec is not None, f"{package} is not installed"
    assert spec.submodule_search_locations
    folder = Path(spec.submodule_search_locations[0])
    paths = sorted(path.relative_to(folder).with_suffix("") for path in folder.rglob("*.py"))
    names = [".".join((package, *path.parts)).removesuffix(".__init__") for path in paths]
    return [name for name in names if not name.endswith("__main__")]


def test_import_cloud_is_light() -> None:
    assert not _top(_loaded("import cloud")) & HEAVY


def test_using_the_facade_without_a_job_is_light() -> None:
    """Looking at every public name imports what is behind it, and still nothing heavy."""
    program = (
        "import cloud\nfor name in ('call', 'map', 'join', 'status', 'result', 'CloudException'): getattr(cloud, name)"
    )
    assert not _top(_loaded(program)) & HEAVY


def test_import_cloud_is_quick() -> None:
    """Only far too slow fails here, since machines differ: the best of five against the best of five of nothing at all."""
    program = "import sys, time; t = time.perf_counter(); {}; print(time.perf_counter() - t)"
    times = [
        float(
            subprocess.run(
                [sys.executable, "-c", program.format("import cloud")], capture_output=True, check=True
            ).stdout
        )
        for _ in range(5)
    ]
    assert min(times) < 0.3, f"import cloud takes {min(times) * 1000:.0f} ms"


@pytest.mark.parametrize("package", ["picloud.client"])
def test_the_client_is_light(package: str) -> None:
    imports = "; ".join(f"import {name}" for name in _modules(package))
    assert not _top(_loaded(imports)) & HEAVY


def test_workers_load_only_what_every_host_has() -> None:
    loaded = _loaded("; ".join(f"import {name}" for name in _modules("picloud.worker")))
    strangers = _top(loaded) - set(sys.stdlib_module_names) - ON_HOSTS
    strangers = {name for name in strangers if not name.startswith("_sysconfigdata")}
    assert not strangers
    rooms = {name.split(".")[1] for name in loaded if name.startswith("picloud.")}
    assert rooms <= WORKER_ROOMS


def test_wire_and_model_are_the_standard_library_alone() -> None:
    names = [*_modules("picloud.model"), *_modules("picloud.wire"), "picloud.exceptions"]
    loaded = _loaded("; ".join(f"import {name}" for name in names))
    assert _top(loaded) - set(sys.stdlib_module_names) == {"picloud"}


def test_the_scheduler_is_pure() -> None:
    """Beyond what exceptions and model load, which is less than this, it loads nothing that does I/O."""
    base = _loaded("; ".join(f"import {name}" for name in [*_modules("picloud.model"), "picloud.exceptions"]))
    loaded = _loaded("; ".join(f"import {name}" for name in _modules("picloud.scheduler")))
    assert not _top(loaded - base) & PURE


def test_the_local_place_does_not_load_the_engine() -> None:
    loaded = _loaded("import picloud_local")
    rooms = {name.split(".")[1] for name in loaded if name.startswith("picloud.")}
    assert rooms <= {"exceptions", "hooks"}
    assert not _top(loaded) & HEAVY


@pytest.mark.parametrize("package", ["cloud", "picloud", "picloud_local"])
def test_every_module_can_be_imported_by_itself(package: str) -> None:
    """No module relies on another having been imported before it; one process imports each after forgetting the last."""
    program = f"""
import importlib, sys
for name in {_modules(package)!r}:
    for loaded in [m for m in sys.modules if m.partition(".")[0] in ("cloud", "picloud", "picloud_local")]:
        del sys.modules[loaded]
    importlib.import_module(name)
"""
    _loaded(program)
