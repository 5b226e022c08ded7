"""wait_for and shortcuts, statement by statement (API §11, §14, §17 row 23, §19)."""

from __future__ import annotations

import getpass
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from picloud.exceptions import UnavailableError, UnreachableStatusError

FAST = 30
STATUSES = ["waiting", "queued", "processing", "done", "error", "killed", "stalled"]


def same(x: object) -> object:
    return x


def fail() -> None:
    raise ValueError("no")


def hold(path: str) -> float:
    while not Path(path).exists():
        time.sleep(0.005)
    return time.time()


def echo_once(port: int, prefix: str) -> str:
    """Listen, answer one line, and return it."""
    with socket.create_server(("", port)) as server:
        peer, _ = server.accept()
        with peer, peer.makefile("rw") as stream:
            line = stream.readline().strip()
            stream.write(f"{prefix}{line}\n")
            return line


def ask(jid: int, port: int, text: str) -> str:
    """Be the job that another one serves."""
    import cloud

    where = cloud.wait_for.port(jid, port, timeout=FAST)
    with socket.create_connection((where["address"], where["port"])) as peer, peer.makefile("rw") as stream:
        stream.write(f"{text}\n")
        stream.flush()
        return stream.readline().strip()


def echo_datagram(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", port))
        text, peer = sock.recvfrom(100)
        sock.sendto(text.upper(), peer)


def serve_from_a_child(port: int) -> int:
    program = f"import socket; s = socket.create_server(('127.0.0.1', {port})); s.accept()"
    return subprocess.call([sys.executable, "-c", program])


def serve_on_any_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.accept()


def listen(port: int, path: str) -> None:
    with socket.create_server(("127.0.0.1", port)):
        hold(path)


def _free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def _connect(where: dict[str, Any]) -> None:
    socket.create_connection((where["address"], where["port"])).close()


# --- status --------------------------------------------------------------------------------------------------------------


def test_status_returns_the_status(cloud: ModuleType, gate: Path) -> None:
    running = cloud.call(hold, str(gate))
    jid = cloud.call(same, 1, _depends_on=running)
    found = cloud.wait_for.status(running, "processing", timeout=FAST)
    assert (found, type(found)) == ("processing", str)
    assert cloud.wait_for.status(jid, "waiting", timeout=FAST) == "waiting"
    gate.touch()
    assert cloud.wait_for.status(jid, "done", FAST) == "done"


@pytest.mark.parametrize("wanted", ["error", "killed", "stalled"])
def test_jobs_that_do_not_end_well_are_waited_for_too(cloud: ModuleType, gate: Path, wanted: str) -> None:
    running = cloud.call(hold, str(gate))
    bad = cloud.call(fail, _depends_on=running)
    stalled = cloud.call(same, 1, _depends_on=bad)
    if wanted == "killed":
        cloud.kill(bad)
    gate.touch()
    assert cloud.wait_for.status(stalled if wanted == "stalled" else bad, wanted, timeout=FAST) == wanted


@pytest.mark.parametrize("ended", ["done", "error", "killed", "stalled"])
def test_a_status_behind_is_never_reached(cloud: ModuleType, gate: Path, ended: str) -> None:
    bad = cloud.call(fail)
    jids = {"done": cloud.call(same, 1), "error": bad, "stalled": cloud.call(same, 1, _depends_on=bad)}
    jids["killed"] = cloud.call(hold, str(gate))
    cloud.kill(jids["killed"])
    jid = jids[ended]
    cloud.join(jid, timeout=FAST, ignore_errors=True)
    for wanted in set(STATUSES) - {ended}:
        with pytest.raises(cloud.CloudException) as caught:
            cloud.wait_for.status(jid, wanted)
        assert caught.value.parameter == f"Job has status {ended}. Will never (again) be {wanted}"
        assert isinstance(caught.value, UnreachableStatusError)


def test_a_running_job_will_not_wait_again(cloud: ModuleType, gate: Path) -> None:
    jid = cloud.call(hold, str(gate))
    cloud.wait_for.status(jid, "processing", timeout=FAST)
    for wanted in ("waiting", "queued", "stalled"):
        with pytest.raises(
            cloud.CloudException, match=rf"Job has status processing\. Will never \(again\) be {wanted}"
        ):
            cloud.wait_for.status(jid, wanted)


def _unreachable(cloud: ModuleType, jid: int) -> set[str]:
    """Return the statuses that a job can never reach; the others but its own can be waited for."""
    never, present = set(), cloud.status(jid)
    for wanted in STATUSES:
        if wanted == present:
            assert cloud.wait_for.status(jid, wanted, timeout=0) == present
            continue
        with pytest.raises(cloud.CloudException) as caught:
            cloud.wait_for.status(jid, wanted, timeout=0)
        if not isinstance(caught.value, TimeoutError):
            assert caught.value.parameter == f"Job has status {present}. Will never (again) be {wanted}"
            never.add(wanted)
    return never


def test_what_a_job_that_has_not_begun_may_still_become(cloud: ModuleType, gate: Path) -> None:
    running = cloud.map(hold, [str(gate)] * 2)
    for jid in running:
        cloud.wait_for.status(jid, "processing", timeout=FAST)
    queued, waiting = cloud.call(same, 1), cloud.call(same, 1, _depends_on=running)
    assert cloud.status([queued, waiting]) == ["queued", "waiting"]
    assert _unreachable(cloud, queued) == {"waiting", "stalled"}
    assert _unreachable(cloud, waiting) == set()
    assert _unreachable(cloud, running[0]) == {"waiting", "queued", "stalled"}


def test_without_a_timeout_it_takes_as_long_as_it_takes(cloud: ModuleType, gate: Path) -> None:
    jid = cloud.call(hold, str(gate))
    timer = threading.Timer(0.3, gate.touch)
    timer.start()
    assert cloud.wait_for.status(jid, "done") == "done"
    assert cloud.wait_for.status(jid, "done", None) == "done"
    timer.join()


@pytest.mark.parametrize("name", ["wait_for.status", "wait_for.port", "shortcuts.get_connection_info"])
def test_a_timeout_is_a_number_that_is_not_negative(cloud: ModuleType, name: str) -> None:
    module, function = name.split(".")
    wait = getattr(getattr(cloud, module), function)
    jid, what = cloud.call(same, 1), "done" if function == "status" else 80
    for timeout in (-1, -0.5, float("nan")):
        with pytest.raises(ValueError, match="timeout"):
            wait(jid, what, timeout=timeout)
    for no_number in ("1", [1], True):
        with pytest.raises(TypeError, match="timeout"):
            wait(jid, what, timeout=no_number)


@pytest.mark.parametrize("jid", ["1", None, 1.0, [1], range(1, 2), True])
def test_every_wait_is_for_one_job(cloud: ModuleType, jid: Any) -> None:
    waits: list[Callable[[], Any]] = [
        lambda: cloud.wait_for.status(jid, "done"),
        lambda: cloud.wait_for.port(jid, 80),
        lambda: cloud.shortcuts.get_connection_info(jid, 80),
        lambda: cloud.shortcuts.ssh.get_ssh_info(jid),
    ]
    for wait in waits:
        with pytest.raises(TypeError, match="jid must be an integer"):
            wait()


def test_a_job_that_goes_past_is_told_when_it_does(cloud: ModuleType, gate: Path) -> None:
    jid = cloud.call(hold, str(gate))
    timer = threading.Timer(0.1, gate.touch)
    timer.start()
    with pytest.raises(cloud.CloudException, match=r"Job has status done\. Will never \(again\) be error"):
        cloud.wait_for.status(jid, "error", timeout=FAST)
    timer.join()


def test_a_wait_for_a_status_times_out(cloud: ModuleType, gate: Path) -> None:
    jid = cloud.call(hold, str(gate))
    for timeout in (0, 0.05):
        with pytest.raises(cloud.CloudTimeoutError) as caught:
            cloud.wait_for.status(jid, "done", timeout)
        assert caught.value.jid == jid


def test_an_end_is_told_at_once_and_asked_for_once(cloud: ModuleType, gate: Path, requests: list[object]) -> None:
    """PiCloud asked once a second."""
    late = []
    for number in range(3):
        path = gate.with_name(f"gate{number}")
        jid = cloud.call(hold, str(path))
        cloud.wait_for.status(jid, "processing", timeout=FAST)
        timer = threading.Timer(0.1, path.touch)
        timer.start()
        requests.clear()
        cloud.wait_for.status(jid, "done", timeout=FAST)
        told = time.time()
        assert len(requests) == 1
        late.append(told - cloud.result(jid))
        timer.join()
    assert min(late) < 0.5


@pytest.mark.parametrize("jid", ["1", None, 1.0, [1]])
def test_a_jid_that_is_no_int_is_a_type_error(cloud: ModuleType, jid: Any) -> None:
    with pytest.raises(TypeError, match="jid must be an integer"):
        cloud.wait_for.status(jid, "done")


def test_an_unknown_status_is_a_value_error(cloud: ModuleType) -> None:
    with pytest.raises(ValueError, match="There is no status 'finished'"):
        cloud.wait_for.status(1, "finished")


def test_an_unknown_job_is_a_cloud_exception(cloud: ModuleType) -> None:
    for name, what in (("status", "done"), ("port", 80)):
        with pytest.raises(cloud.CloudException, match="Does not exist"):
            getattr(cloud.wait_for, name)(10**9, what)


# --- port ----------------------------------------------------------------------------------------------------------------


def test_a_job_listens_and_serves_another_job(cloud: ModuleType) -> None:
    port = _free_port()
    server = cloud.call(echo_once, port, "got ")
    asker = cloud.call(ask, server, port, "hello")
    assert cloud.result([server, asker], timeout=FAST) == ["hello", "got hello"]


def test_port_gives_address_and_port_as_soon_as_the_job_listens(cloud: ModuleType, gate: Path) -> None:
    port = _free_port()
    jid = cloud.call(listen, port, str(gate), _depends_on=cloud.call(same, 1))
    where = cloud.wait_for.port(jid, port, timeout=FAST)
    assert where == {"address": "127.0.0.1", "port": port}
    _connect(where)
    assert cloud.info(jid, "ports")[jid]["ports"] == {"tcp": {port: where}, "udp": {}}
    assert cloud.shortcuts.get_connection_info(jid, port, timeout=FAST) == where


def test_a_port_of_a_process_that_the_job_started(cloud: ModuleType) -> None:
    port = _free_port()
    jid = cloud.call(serve_from_a_child, port)
    _connect(cloud.wait_for.port(jid, port, timeout=FAST))
    assert cloud.result(jid, timeout=FAST) == 0


def test_a_udp_port(cloud: ModuleType) -> None:
    port = _free_port(socket.SOCK_DGRAM)
    jid = cloud.call(echo_datagram, port)
    where = cloud.wait_for.port(jid, port, "udp", FAST)
    with pytest.raises(cloud.CloudTimeoutError):
        cloud.wait_for.port(jid, port, "tcp", 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(FAST)
        sock.sendto(b"hello", (where["address"], where["port"]))
        assert sock.recv(100) == b"HELLO"
    cloud.join(jid, timeout=FAST)


def test_a_port_that_the_job_chose_is_found_in_info(cloud: ModuleType) -> None:
    jid = cloud.call(serve_on_any_port)
    deadline = time.monotonic() + FAST
    while not (ports := cloud.info(jid, "ports")[jid]["ports"] or {"tcp": {}})["tcp"]:
        assert time.monotonic() < deadline
    ((port, where),) = ports["tcp"].items()
    assert where == {"address": "127.0.0.1", "port": port}
    _connect(where)
    cloud.join(jid, timeout=FAST)
    assert cloud.info(jid, "ports") == {jid: {"ports": ""}}


def test_ports_of_a_job_that_does_not_run_are_an_empty_string(cloud: ModuleType, gate: Path) -> None:
    running = cloud.call(hold, str(gate))
    waiting = cloud.call(same, 1, _depends_on=running)
    cloud.wait_for.status(running, "processing", timeout=FAST)
    found = cloud.info([running, waiting], "ports")
    assert found == {running: {"ports": {"tcp": {}, "udp": {}}}, waiting: {"ports": ""}}


def test_a_job_has_only_its_own_ports(cloud: ModuleType, gate: Path) -> None:
    ports = [_free_port(), _free_port()]
    jids = [cloud.call(listen, port, str(gate)) for port in ports]
    for jid, port in zip(jids, ports, strict=True):
        cloud.wait_for.port(jid, port, timeout=FAST)
    found = cloud.info(jids, "ports")
    assert [set(found[jid]["ports"]["tcp"]) for jid in jids] == [{port} for port in ports]
    with pytest.raises(cloud.CloudTimeoutError):
        cloud.wait_for.port(jids[0], ports[1], timeout=0)


def test_a_finished_job_opens_no_port(cloud: ModuleType, gate: Path) -> None:
    done, running = cloud.call(same, 1), cloud.call(hold, str(gate))
    cloud.join(done, timeout=FAST)
    with pytest.raises(cloud.CloudException, match=r"Job has status done\. Will never \(again\) listen on tcp port 80"):
        cloud.wait_for.port(done, 80)
    timer = threading.Timer(0.1, gate.touch)
    timer.start()
    with pytest.raises(cloud.CloudException, match="Job has status done"):
        cloud.wait_for.port(running, 80, timeout=FAST)
    timer.join()


def test_a_wait_for_a_port_times_out(cloud: ModuleType, gate: Path) -> None:
    jid = cloud.call(hold, str(gate))
    began = time.monotonic()
    with pytest.raises(cloud.CloudTimeoutError, match="port"):
        cloud.wait_for.port(jid, _free_port(), timeout=0.2)
    assert time.monotonic() - began >= 0.2


def test_a_port_is_an_int(cloud: ModuleType) -> None:
    with pytest.raises(TypeError, match="port must be an integer"):
        cloud.wait_for.port(1, "80")


def test_ctrl_c_ends_the_wait_and_not_the_job(cloud: ModuleType, gate: Path) -> None:
    jid = cloud.call(hold, str(gate))
    cloud.wait_for.status(jid, "processing", timeout=FAST)
    for name, what in (("status", "done"), ("port", 80)):
        timer = threading.Timer(0.2, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            getattr(cloud.wait_for, name)(jid, what)
        timer.join()
    assert cloud.status(jid) == "processing"


# --- shortcuts -----------------------------------------------------------------------------------------------------------


def test_port_22_has_a_username_too(cloud: ModuleType, gate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another number stands for 22 here, which only root may bind."""
    port = _free_port()
    monkeypatch.setattr(cloud.shortcuts, "_SSH", port)
    jid = cloud.call(listen, port, str(gate))
    found = cloud.shortcuts.get_connection_info(jid, port, timeout=FAST)
    assert found == {"address": "127.0.0.1", "port": port, "username": getpass.getuser()}


def test_get_ssh_info_says_what_there_is_not(cloud: ModuleType, gate: Path) -> None:
    jid = cloud.call(hold, str(gate))
    with pytest.raises(cloud.CloudException, match="No SSH server runs beside a job on this machine") as caught:
        cloud.shortcuts.ssh.get_ssh_info(jid, timeout=FAST)
    assert isinstance(caught.value, UnavailableError)
    assert caught.value.code == "cloud.unavailable"
    with pytest.raises(cloud.CloudException, match="Does not exist"):
        cloud.shortcuts.ssh.get_ssh_info(10**9)


# --- elsewhere -----------------------------------------------------------------------------------------------------------


def test_in_the_simulator_too(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        """\
import socket
import cloud

def serve():
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.accept()

if __name__ == "__main__":
    cloud.start_simulator()
    jid = cloud.call(serve)
    assert cloud.wait_for.status(jid, "processing", timeout=60) == "processing"
    while not cloud.info(jid, "ports")[jid]["ports"]["tcp"]:
        pass
    (port,) = cloud.info(jid, "ports")[jid]["ports"]["tcp"]
    where = cloud.wait_for.port(jid, port, timeout=60)
    socket.create_connection((where["address"], where["port"])).close()
    print(cloud.wait_for.status(jid, "done", timeout=60))
"""
    )
    told = subprocess.run([sys.executable, program], capture_output=True, text=True, timeout=60, check=False)
    assert (told.stdout, told.stderr) == ("done\n", "")
