"""What wait_for takes: everything wrong is refused before a node is asked."""

from __future__ import annotations

from typing import Any

import pytest

from cloud import wait_for
from picloud.exceptions import UnknownJobError


@pytest.mark.parametrize("jid", ["1", 1.0, None, True, [1], range(1, 2)])
def test_a_jid_is_an_int(jid: Any) -> None:
    with pytest.raises(TypeError, match="jid must be an integer"):
        wait_for.status(jid, "done")
    with pytest.raises(TypeError, match="jid must be an integer"):
        wait_for.port(jid, 80)


def test_a_jid_that_no_job_can_have() -> None:
    with pytest.raises(UnknownJobError, match="Job 0: Does not exist"):
        wait_for.status(0, "done")


def test_a_status_is_one_of_seven() -> None:
    with pytest.raises(ValueError, match=r"There is no status 'procesing'\. Did you mean 'processing'\?"):
        wait_for.status(1, "procesing")
    with pytest.raises(ValueError, match="There is no status 'x'; there are waiting, queued, processing, done"):
        wait_for.status(1, "x")
    with pytest.raises(TypeError, match="test_status must be a string, not int"):
        wait_for.status(1, 3)  # type: ignore[arg-type]  # what is refused


@pytest.mark.parametrize("port", ["80", 80.0, None, True])
def test_a_port_is_an_int(port: Any) -> None:
    with pytest.raises(TypeError, match="port must be an integer"):
        wait_for.port(1, port)


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_a_port_is_one_that_a_socket_can_have(port: int) -> None:
    with pytest.raises(ValueError, match=f"port must be 1 to 65535, not {port}"):
        wait_for.port(1, port)


def test_a_protocol_is_tcp_or_udp() -> None:
    with pytest.raises(ValueError, match="protocol must be 'tcp' or 'udp', not 'http'"):
        wait_for.port(1, 80, "http")
    with pytest.raises(TypeError, match="protocol must be a string"):
        wait_for.port(1, 80, 6)  # type: ignore[arg-type]  # what is refused


@pytest.mark.parametrize(("timeout", "error"), [("1", TypeError), (True, TypeError), (-1, ValueError)])
def test_timeouts_are_as_everywhere(timeout: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="timeout must"):
        wait_for.status(1, "done", timeout)
    with pytest.raises(error, match="timeout must"):
        wait_for.port(1, 80, timeout=timeout)
