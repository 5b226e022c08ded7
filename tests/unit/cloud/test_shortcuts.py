"""Shortcuts are there after `import cloud`, and take what wait_for.port takes."""

from __future__ import annotations

import inspect

import pytest

import cloud
from cloud import shortcuts


def test_they_are_attributes_of_cloud() -> None:
    assert cloud.shortcuts is shortcuts
    assert cloud.shortcuts.ssh.get_ssh_info.__module__ == "cloud.shortcuts.ssh"


def test_the_signature_is_that_of_wait_for_port() -> None:
    wanted = inspect.signature(cloud.wait_for.port)
    assert inspect.signature(shortcuts.get_connection_info) == wanted


def test_arguments_are_checked_alike() -> None:
    with pytest.raises(TypeError, match="port must be an integer"):
        shortcuts.get_connection_info(1, "http")  # type: ignore[arg-type]  # what is refused
