"""Where and as what a submission's jobs run, as this process is at the moment of the call.

Asked at each submission, so it is kept for as long as nothing that it was made from has changed.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping
from typing import Any, NamedTuple

from picloud.exceptions import CloudException
from picloud.model.context import Context, content_hash

CLEAN = frozenset(
    "PATH HOME USER LOGNAME SHELL LANG LANGUAGE TZ TMPDIR VIRTUAL_ENV LD_LIBRARY_PATH".split()  # noqa: SIM905 - one line instead of a dozen
)
"""Variables that every job inherits."""

CLEAN_PREFIXES = ("LC_", "CONDA_")
"""Prefixes of further ones."""


class Encoded(NamedTuple):
    """A context as it travels."""

    hash: str
    """Its name."""
    content: bytes
    """Its JSON form."""


class _Kept(NamedTuple):
    """A context, and what it was made from: one value, since several threads submit at once."""

    facts: tuple[Any, ...]
    environ: dict[Any, Any]
    encoded: Encoded


class Contexts:
    """The context of this process's submissions."""

    def __init__(self) -> None:
        """Keep nothing yet."""
        self._kept = _Kept((), {}, Encoded("", b""))

    def current(self, bundle: str, pass_env: str, variables: Mapping[str, str]) -> Encoded:
        """Return the context for a bundle of modules; `variables` come on top of the clean base and of what `pass_env` names.

        Raises CloudException if this process's directory was removed.
        """
        facts = (_directory(), sys.path.copy(), _umask(), bundle, pass_env, sys.executable, dict(variables))
        environ: Mapping[Any, Any] = vars(os.environ).get("_data", os.environ)
        kept = self._kept
        if facts != kept.facts or environ != kept.environ:
            now = dict(environ)
            kept = self._kept = _Kept(facts, now, _encoded(now, *facts))
        return kept.encoded


def _directory() -> str:
    """Return where this process is."""
    try:
        return os.getcwd()
    except FileNotFoundError:
        message = "The directory that this process is in was removed, and its jobs would begin there"
        raise CloudException(message, hint="os.chdir() into one that exists, then submit again") from None


def _encoded(
    environ: dict[Any, Any],
    cwd: str,
    path: list[str],
    umask: int,
    bundle: str,
    pass_env: str,
    executable: str,
    variables: dict[str, str],
) -> Encoded:
    decoded = {os.fsdecode(name): os.fsdecode(value) for name, value in environ.items()}
    environment = clean_environment(decoded, pass_env) | variables
    content = Context(
        executable=executable,
        prefix=sys.prefix,
        python=f"{sys.version_info.major}.{sys.version_info.minor}",
        cwd=cwd,
        path=tuple(item for item in path if isinstance(item, str)),
        umask=umask,
        environment=tuple(sorted(environment.items())),
        bundle=bundle,
    ).encode()
    return Encoded(content_hash(content), content)


def clean_environment(environ: Mapping[str, str], pass_env: str) -> dict[str, str]:
    """Return what jobs inherit of an environment: the clean base, and what the setting `pass_env` names."""
    names, prefixes = _passed(pass_env)
    return {
        name: value
        for name, value in environ.items()
        if name in CLEAN or name in names or name.startswith(CLEAN_PREFIXES) or (prefixes and name.startswith(prefixes))
    }


def _passed(pass_env: str) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return the names and the prefixes that a `pass_env` lists."""
    words = pass_env.replace(",", " ").split()
    prefixes = tuple(word[:-1] for word in words if word.endswith("*"))
    return frozenset(word for word in words if not word.endswith("*")), prefixes


def _umask() -> int:
    """Return this process's file mode mask.

    There is no call that only asks.  With one thread, setting it back at once is the cheapest; with more, another one could make
    a file in between, so Linux's table of processes is read.
    """
    if threading.active_count() > 1:
        try:
            with open("/proc/self/status", "rb", buffering=0) as status:
                text = status.read(4096)
            at = text.index(b"\nUmask:") + 7
            return int(text[at : text.index(b"\n", at)], 8)
        except (OSError, ValueError):
            pass
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
