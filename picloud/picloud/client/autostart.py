"""Starting a node: a program beside the client, never imported into it."""

from __future__ import annotations

import json
import os
import select
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from picloud.client import loading
from picloud.exceptions import NodeUnreachableError, from_wire

if TYPE_CHECKING:
    from subprocess import Popen

NODE_MODULE = "picloud.node.main"
"""The module that is run as the node."""

PATIENCE = 120.0
"""Seconds that a node may take to open its store and answer; a large store that needs recovery takes long."""


def start_node(
    home: Path,
    environment: Mapping[str, str],
    private: bool = False,
    inherited: Mapping[str, int] | None = None,
    log: Path | None = None,
) -> Popen[bytes] | None:
    """Start a node on a home and return when it listens, or when another one was quicker.

    `environment` comes on top of this process's.  A node lives by itself; a private one stays a child of this process, ends
    with it, and is returned.  `inherited` are descriptors for it, by the options that name them; `log` is a file for its log
    outside the home.

    Raises:
        CloudException: what the node itself said, such as `HomeError` or `StoreCorruptError`.
        NodeUnreachableError: if it ended, or took too long, without a word.
    """
    with loading.lock:
        import subprocess
        import tempfile

        tempfile.gettempdir()  # Its first call holds a lock as well.
    if not hasattr(os, "fork"):
        raise NodeUnreachableError("A node needs Linux or macOS", hint="on Windows, use Python inside WSL2")
    if not sys.executable:
        raise NodeUnreachableError(
            "This interpreter does not know its own executable, so no node can be started",
            hint="start one with `picloud node start`",
        )
    command = [sys.executable, "-P", "-m", NODE_MODULE, "--home", str(home)]
    if private:
        command += ["--private", str(os.getpid())]
    if log is not None:
        command += ["--log", str(log)]
    descriptors = dict(inherited or {})
    for option, descriptor in descriptors.items():
        command += [option, str(descriptor)]
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command,
            env={**os.environ, **environment, "PICLOUD_HOME": str(home)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
            pass_fds=tuple(descriptors.values()),
        )
        assert process.stdout is not None
        try:
            with process.stdout as output:
                line = _first_line(output, time.monotonic() + PATIENCE)
        except BaseException:
            # Nobody would know of a private node whose start was interrupted; the machine's own is there for the next one.
            if private:
                process.kill()
                process.wait()
            raise
        facts = _facts(line)
        if private and facts.get("ready"):
            return process
        if line is None:
            process.kill()
        status = process.wait()
        if "error" in facts:
            raise from_wire(facts["error"])
        if not facts.get("ready") and not facts.get("running"):
            errors.seek(0)
            raise NodeUnreachableError(
                f"The node on {home} did not start (exit status {status})",
                hint=errors.read().decode(errors="replace").strip()[-2000:] or "see `picloud node logs`",
            )
    return None


def _first_line(output: IO[bytes], deadline: float) -> bytes | None:
    """Return what the node prints up to the end of its first line; None if the time is over."""
    text = b""
    # Not select(2), which knows no descriptors from 1024 on.
    poll = select.poll()
    poll.register(output, select.POLLIN)
    while b"\n" not in text:
        if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            return None
        more = os.read(output.fileno(), 1 << 16)
        if not more:
            break
        text += more
    return text.partition(b"\n")[0]


def _facts(line: bytes | None) -> dict[str, Any]:
    try:
        facts = json.loads(line or b"{}")
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) else {}
