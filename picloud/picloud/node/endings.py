"""How a worker process ended, in words and as a cause; the one decoder of wait statuses in the node."""

from __future__ import annotations

import os
import signal
from typing import Any

from picloud.model.cause import Cause, CauseKind
from picloud.node.workers import Worker

LAST_LINES = 20
"""Lines of stderr that are quoted of a job whose worker ended."""


def cause_of(status: int) -> Cause:
    """Return the cause of a worker's end under a job, from its wait status (waitpid(2))."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
        return Cause(CauseKind.SIGNAL, number, f"the worker process was ended by {name}")
    code = os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 0
    return Cause(CauseKind.EXIT, code, f"the worker process ended with exit status {code}")


def last_words(worker: Worker, cause: Cause, peak: int, spool: str) -> dict[str, Any]:
    """Return the meta of an item whose worker ended under it: cause, peak memory, when it began, its output's place, a text."""
    tail = worker.output_so_far("stderr", 8192).decode(errors="replace").splitlines()[-LAST_LINES:]
    lines = [f"The job's process ended while it ran: {cause.detail}."]
    if cause.kind is CauseKind.EXIT:
        lines.append("Something called os._exit(), or ended the process in another way than by returning or raising.")
    if peak:
        lines.append(f"Its process had used at most {peak / 1e6:.1f} MB of memory.")
    if tail:
        lines += ["Its last lines on stderr were:", *(f"  {line}" for line in tail)]
    words = {"cause": cause.to_list(), "exception": "\n".join(lines), "peak": peak, "worker": worker.id}
    words["started"] = worker.current_started()
    spans = worker.output_span()
    return words | spans | {"spool": spool} if spans else words
