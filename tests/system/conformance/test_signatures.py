"""The names and signatures that PiCloud documented, with what each returns."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

import cloud
from picloud.testing.node import processes_of

SIGNATURES = {
    "call": "(func, /, *args, **kwargs)",
    "map": "(func, /, *args, **kwargs)",
    "join": "(jids, timeout=None, ignore_errors=False, deadlock_check=True)",
    "status": "(jids)",
    "result": "(jids, timeout=None, ignore_errors=False, deadlock_check=True)",
    "iresult": "(jids, timeout=None, num_in_parallel=10, ignore_errors=False)",
    "info": "(jids, info_requested=None)",
    "kill": "(jids=None)",
    "delete": "(jids)",
    "connection_info": "()",
    "close": "()",
}
OF_THE_PACKAGE = {
    "setkey": "(api_key=None, api_secretkey=None, server_url=None, restart=False, immutable=False)",
    "start_simulator": "(force_restart=False)",
    "is_simulated": "()",
    "running_on_cloud": "()",
    "getconfigpath": "()",
}


def _signature(function: object) -> str:
    """Return a signature without its annotations."""
    assert callable(function)
    found = inspect.signature(function)
    bare = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in found.parameters.values()]
    return str(found.replace(parameters=bare, return_annotation=inspect.Signature.empty))


@pytest.mark.parametrize("name", SIGNATURES)
def test_cloud_and_mp_have_the_job_functions(name: str) -> None:
    """Parameters that were added stand behind PiCloud's."""
    for module in (cloud, cloud.mp):
        found = _signature(getattr(module, name))
        assert found.startswith(SIGNATURES[name].removesuffix(")")), found


@pytest.mark.parametrize("name", OF_THE_PACKAGE)
def test_cloud_has_the_functions_about_itself(name: str) -> None:
    assert _signature(getattr(cloud, name)) == OF_THE_PACKAGE[name]
    assert not hasattr(cloud.mp, name)


def test_constants() -> None:
    for module in (cloud, cloud.mp):
        assert module.finished_statuses == ["done", "stalled", "error", "killed"]
        assert [module.c1, module.c2, module.f2, module.m1, module.s1] == ["c1", "c2", "f2", "m1", "s1"]
    assert isinstance(cloud.__version__, str)
    assert issubclass(cloud.CloudTimeoutError, cloud.CloudException)


def test_importing_and_asking_about_it_starts_no_node(home: Path) -> None:
    """Connections open at the first operation."""
    cloud.config.commit()
    assert not cloud.is_simulated()
    assert not cloud.running_on_cloud()
    assert cloud.getconfigpath() == str(home)
    assert cloud.connection_info()["opened"] is False
    assert cloud.close() is False
    nothing: list[int] = []
    assert cloud.join(nothing) is cloud.kill(nothing) is cloud.delete(nothing) is None
    assert (cloud.status(nothing), cloud.result(nothing), cloud.info(nothing)) == ([], [], {})
    assert processes_of(home) == []


def test_what_each_function_returns(home: Path) -> None:
    cloud.config.commit()
    jid = cloud.call(abs, -1)
    jids = cloud.map(abs, [-1, -2])
    assert (type(jid), type(jids)) == (int, range)
    assert cloud.join([jid, jids], timeout=40) is None
    assert (cloud.status(jid), cloud.status([jids, jid])) == ("done", ["done"] * 3)
    assert (cloud.result(jid), cloud.result(jids), cloud.result([jid])) == (1, [1, 2], [1])
    assert list(cloud.iresult(jid)) == [1]
    assert set(cloud.info(jid)) == {jid}
    assert cloud.kill(jid) is None
    assert cloud.delete(jid) is None
    assert isinstance(cloud.connection_info(), dict)
    assert cloud.close() is True
