"""What get_ssh_info takes."""

from __future__ import annotations

from typing import Any

import pytest

from cloud.shortcuts import ssh
from picloud.exceptions import UnknownJobError


@pytest.mark.parametrize("jid", ["1", 1.0, None, True, [1]])
def test_a_jid_is_an_int(jid: Any) -> None:
    with pytest.raises(TypeError, match="jid must be an integer"):
        ssh.get_ssh_info(jid)


def test_a_jid_that_no_job_can_have() -> None:
    with pytest.raises(UnknownJobError, match="Job -1: Does not exist"):
        ssh.get_ssh_info(-1)


def test_a_timeout_is_as_everywhere() -> None:
    with pytest.raises(ValueError, match="timeout must not be negative"):
        ssh.get_ssh_info(1, timeout=-1)
