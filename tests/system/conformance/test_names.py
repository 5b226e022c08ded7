"""What `import cloud` offers: PiCloud's names, what was added, and which parameters the smaller functions have."""

from __future__ import annotations

import inspect
import subprocess
import sys
from typing import Any

import pytest

import cloud

BOUND = [
    *("call", "map", "status", "result", "iresult", "join", "kill", "delete", "info", "close", "connection_info"),
    *("is_simulated", "running_on_cloud", "finished_statuses", "c1", "c2", "m1"),
]
"""What PiCloud bound at package level."""

PLAIN = ["setkey", "start_simulator", "getconfigpath", "set_dependency_whitelist"]
OTHERS = ["config", "CloudException", "CloudTimeoutError", "__version__", "mp", "wait_for", "shortcuts"]
ADDED = ["f2", "s1", "iresult_unordered", "view", "job"]
OF_MP = [name for name in BOUND if name not in {"is_simulated", "running_on_cloud"}]
LATER = [
    "account",
    "bucket",
    "cron",
    "environment",
    "files",
    "pool_interface",
    "queue",
    "realtime",
    "rest",
    "shell",
    "volume",
]
"""Modules of PiCloud that are not about jobs; docs/migration.md says that they are not there."""

SIGNATURES: dict[str, str] = {
    "iresult_unordered": "(jids, timeout=None, num_in_parallel=10, ignore_errors=False)",
    "set_dependency_whitelist": "(whitelist)",
    "wait_for.status": "(jid, test_status, timeout=None)",
    "wait_for.port": "(jid, port, protocol='tcp', timeout=None)",
    "shortcuts.get_connection_info": "(jid, port, protocol='tcp', timeout=None)",
    "shortcuts.ssh.get_ssh_info": "(jid, timeout=None)",
    "config.commit": "()",
}


@pytest.mark.parametrize("name", BOUND + PLAIN + OTHERS)
def test_names_of_picloud_are_there(name: str) -> None:
    assert name in cloud.__all__
    assert hasattr(cloud, name)


def test_all_has_these_and_what_was_added() -> None:
    assert sorted(cloud.__all__) == sorted(BOUND + PLAIN + OTHERS + ADDED)
    assert set(cloud.__all__) <= set(dir(cloud))


def test_mp_has_the_job_functions() -> None:
    assert set(OF_MP) <= set(cloud.mp.__all__)
    assert set(cloud.mp.__all__) - set(OF_MP) == {"f2", "s1", "iresult_unordered", "view"}
    assert all(hasattr(cloud.mp, name) for name in cloud.mp.__all__)


def test_all_of_it_is_there_after_import_cloud_alone() -> None:
    """Modules of it are attributes without having been imported."""
    names = [
        *BOUND,
        *PLAIN,
        *OTHERS,
        *ADDED,
        "wait_for.status",
        "shortcuts.ssh.get_ssh_info",
        "config.commit",
        "mp.call",
    ]
    program = f"import cloud\nfor name in {names!r}: eval('cloud.' + name)\nfrom cloud import *\ncall, mp, wait_for"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)


@pytest.mark.parametrize("name", SIGNATURES)
def test_parameters_and_their_defaults(name: str) -> None:
    function: Any = cloud
    for part in name.split("."):
        function = getattr(function, part)
    found = inspect.signature(function)
    bare = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in found.parameters.values()]
    assert str(found.replace(parameters=bare, return_annotation=inspect.Signature.empty)) == SIGNATURES[name]


def test_core_types_and_finished_statuses_are_plain_strings() -> None:
    for module in (cloud, cloud.mp):
        assert [module.c1, module.c2, module.f2, module.m1, module.s1] == ["c1", "c2", "f2", "m1", "s1"]
        assert module.finished_statuses == ["done", "stalled", "error", "killed"]
        assert {type(text) for text in [module.c1, *module.finished_statuses]} == {str}


@pytest.mark.parametrize("name", LATER)
def test_modules_that_are_not_about_jobs_are_missed_by_name(name: str) -> None:
    with pytest.raises(AttributeError, match=f"module 'cloud' has no attribute '{name}'"):
        getattr(cloud, name)


@pytest.mark.parametrize("name", ["notebook", "cluster", "util"])
def test_modules_that_picloud_had_not_either(name: str) -> None:
    assert not hasattr(cloud, name)


@pytest.mark.parametrize("name", ["call", "map", "status", "result", "iresult", "join", "info", "delete"])
def test_missing_arguments_are_a_type_error(name: str) -> None:
    with pytest.raises(TypeError):
        getattr(cloud, name)()


def test_close_takes_none_and_has_nothing_to_close_before_the_first_use() -> None:
    with pytest.raises(TypeError):
        cloud.close(1)  # type: ignore[call-arg]  # what is refused
    assert cloud.close() is False


def test_nothing_is_simulated_on_a_client() -> None:
    assert cloud.is_simulated() is False
    assert cloud.running_on_cloud() is False
