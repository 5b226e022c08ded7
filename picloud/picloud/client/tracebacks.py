"""What went wrong in a job, as an error here: PiCloud's message, and the job's own exception as its cause."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from typing import Any

from picloud.exceptions import JobError
from picloud.model import job
from picloud.model.cause import Cause, CauseKind
from picloud.wire import payload

KILLED = "Killed"
"""PiCloud's message for a job that was killed and raised nothing."""

STALLED = "Could not start due to dependency erroring"
"""PiCloud's message for a job whose dependency did not end well."""

_HINTS = {
    CauseKind.LOST: "submit it again, or let it be restartable",
    CauseKind.TIMEOUT: "raise _max_runtime, or give each job less to do",
    CauseKind.OOM_LIMIT: "ask for a core type with more memory by _type, or for more _cores",
    CauseKind.OOM_KERNEL: "ask for a core type with more memory by _type, or for more _cores",
}


class RemoteTraceback(Exception):  # noqa: N818 - it is no error: it carries one's story
    """The traceback of a job, as text: it stands where the job's exception would have its own."""

    def __init__(self, text: str) -> None:
        """Keep the text."""
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        """Return the text below the class's name."""
        return f"\n{self.text}"


def job_error(jid: int, code: int, meta: Mapping[str, Any], pickled: bytes | memoryview | None) -> JobError:
    """Return the error of a job that did not end as done; `pickled` is its exception, where that could travel."""
    text = meta.get("exception")
    cause = Cause.from_list(meta["cause"]) if meta.get("cause") else None
    error = JobError(_message(code, text, cause), jid=jid, status=str(job.BY_CODE[code]), hint=_hint(text, cause))
    own = _exception(pickled)
    if own is not None:
        if text:
            own.__cause__ = RemoteTraceback(text.rstrip())
        error.__cause__ = own
    return error


def _message(code: int, text: str | None, cause: Cause | None) -> str:
    if code == job.STALLED:
        return STALLED
    if text:
        return text
    if code == job.KILLED:
        return KILLED if cause is None or cause.kind is not CauseKind.TIMEOUT else f"{KILLED}: {cause.detail or cause}"
    if cause is not None:
        return cause.detail or f"The job ended by {cause}"
    return "unknown error"


def _hint(text: str | None, cause: Cause | None) -> str | None:
    if cause is not None and cause.kind in _HINTS:
        return _HINTS[cause.kind]
    # A note about the interpreter may follow it.
    if text and any(line.startswith("ModuleNotFoundError") for line in text.rstrip().split("\n")[-2:]):
        return "modules travel when they are imported by the code that is submitted; others must be installed"
    return None


def _exception(pickled: bytes | memoryview | None) -> BaseException | None:
    """Return the job's own exception; None if it did not travel or cannot be rebuilt here."""
    if not pickled:
        return None
    try:
        value = payload.load(pickled, pickle.loads)
    except Exception:
        return None
    return value if isinstance(value, BaseException) else None
