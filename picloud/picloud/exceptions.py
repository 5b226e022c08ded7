"""Every error that picloud raises on purpose.

::

    CloudException                      cloud.error
    ├─ CloudTimeoutError                cloud.timeout        also TimeoutError, multiprocessing.TimeoutError
    ├─ ArgumentError                    argument             the caller's fault
    │  ├─ ArgumentTypeError             argument.type        also TypeError
    │  └─ ArgumentValueError            argument.value       also ValueError
    ├─ SerializationError               job.serialization    also pickle.PicklingError
    ├─ JobError                         job.failed           the job's fault: it ended as error, killed or stalled
    ├─ UnknownJobError                  job.unknown
    ├─ UnfinishedJobError               job.unfinished
    ├─ UnreachableStatusError           job.unreachable      what was waited for can never happen
    ├─ DependencyError                  job.dependency       a dependency that does not exist
    ├─ NestedLimitError                 job.nested-limit
    ├─ ExcessiveDataError               job.excessive-data
    ├─ UnavailableError                 cloud.unavailable    the service had it, a machine of one's own does not
    ├─ NodeError                        node                 the runtime's fault
    │  ├─ NodeUnreachableError          node.unreachable
    │  ├─ ConnectionClosedError         node.closed          by another thread
    │  ├─ NodeStoppingError             node.stopping
    │  ├─ VersionMismatchError          node.version
    │  ├─ ProtocolError                 node.protocol
    │  ├─ HomeError                     node.home
    │  ├─ BackendError                  node.backend
    │  └─ IllegalEventError             node.illegal-event
    └─ StoreError                       store
       ├─ StoreCorruptError             store.corrupt
       ├─ StoreForeignError             store.foreign
       ├─ StoreNewerError               store.newer
       └─ StoreFullError                store.full

An error crosses a process border as its code, message, hint and facts (`to_wire`, `from_wire`), never as a pickle.
"""

from __future__ import annotations

import multiprocessing
import pickle
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    import logging

_MOST_NAMED = 20


class CloudException(Exception):
    """The base of all errors, with the attributes of PiCloud's exception of the same name."""

    code: ClassVar[str] = "cloud.error"
    job_str = "Job "
    status_str = "Error "

    def __init__(
        self,
        value: object = "",
        jid: int | list[int] | None = None,
        status: str | int | None = None,
        retry: bool = False,
        logger: logging.Logger | None = None,
        hint: str | None = None,
    ) -> None:
        """Keep PiCloud's attributes: `value` is the message, `jid` the job or jobs, `hint` what to do next.

        A `logger` is warned if there is a `jid`; none is the default.
        """
        super().__init__(value)
        self.parameter = value
        self.jid = jid
        self.status = status
        self.retry = retry
        self.hint = hint
        self.args = (jid, status, value, jid)
        if logger is not None and jid is not None:
            logger.warning("%s%s threw exception: %s", self.job_str, _named(jid), value)

    def __str__(self) -> str:
        """Format as PiCloud did: by job, else by status, else the message alone; the hint follows on its own line."""
        tip = f"\nTIP: {self.hint}" if self.hint else ""
        if self.jid is not None:
            return f"{self.job_str}{_named(self.jid)}: {self.parameter}{tip}"
        if self.status is not None:
            return f"{self.status_str}{self.status}: {self.parameter}{tip}"
        return f"{self.parameter}{tip}"

    def __reduce__(self) -> tuple[Any, ...]:
        """Rebuild from the named arguments: the unusual order of `args` would confuse the default."""
        return (_rebuild, (type(self), self.parameter, self.jid, self.status, self.retry, self.hint))

    def to_wire(self) -> dict[str, Any]:
        """Return the facts of this error as JSON-able values: code, message, jid, status and hint."""
        return {
            "code": self.code,
            "message": str(self.parameter),
            "jid": self.jid,
            "status": self.status,
            "hint": self.hint,
        }


def _named(jid: int | list[int]) -> str:
    """Return the jobs of a message: a list of a million unfinished ones is told by its beginning."""
    if isinstance(jid, int) or len(jid) <= _MOST_NAMED:
        return str(jid)
    return f"[{', '.join(map(str, jid[:_MOST_NAMED]))}, ... {len(jid)} jobs]"


def _rebuild(
    kind: type[CloudException],
    value: object,
    jid: int | list[int] | None,
    status: str | int | None,
    retry: bool,
    hint: str | None,
) -> CloudException:
    """Rebuild an unpickled error."""
    return kind(value, jid=jid, status=status, retry=retry, hint=hint)


class CloudTimeoutError(CloudException, TimeoutError, multiprocessing.TimeoutError):
    """What was waited for did not happen within the given time; nothing was cancelled."""

    code = "cloud.timeout"

    def __init__(
        self,
        value: object = "Timed out",
        jid: int | list[int] | None = None,
        logger: logging.Logger | None = None,
        status: str | int | None = None,
        retry: bool = False,
        hint: str | None = None,
    ) -> None:
        """Take PiCloud's arguments, in its order; `jid` is the list of the unfinished jobs."""
        super().__init__(value, jid=jid, status=status, retry=retry, logger=logger, hint=hint)


class ArgumentError(CloudException):
    """An argument was refused before anything was sent."""

    code = "argument"


class ArgumentTypeError(ArgumentError, TypeError):
    """An argument has the wrong type."""

    code = "argument.type"


class ArgumentValueError(ArgumentError, ValueError):
    """An argument has the right type and a value that is not allowed."""

    code = "argument.value"


class SerializationError(CloudException, pickle.PicklingError):
    """A function, an argument or a result cannot travel between processes; the message names the path to the culprit."""

    code = "job.serialization"


class JobError(CloudException):
    """A job ended as error, killed or stalled; the message is its traceback or the reason that it never ran."""

    code = "job.failed"


class UnknownJobError(CloudException):
    """No job has this jid: it was never given out, or the job was deleted."""

    code = "job.unknown"


class UnfinishedJobError(CloudException):
    """The job has not ended, and what was asked needs an ended one."""

    code = "job.unfinished"


class UnreachableStatusError(CloudException):
    """The job will never (again) be what was waited for: its `status` is behind that, or it has ended."""

    code = "job.unreachable"


class DependencyError(CloudException):
    """A job was to depend on a job that does not exist."""

    code = "job.dependency"


class NestedLimitError(CloudException):
    """Too many jobs wait inside other jobs for their sub-jobs; the message has the numbers."""

    code = "job.nested-limit"


class ExcessiveDataError(CloudException):
    """A function, an argument or a result is larger than the setting `max_transmit_data` allows."""

    code = "job.excessive-data"


class UnavailableError(CloudException):
    """PiCloud's service provided this, and here nothing does; the message says what is missing."""

    code = "cloud.unavailable"


class NodeError(CloudException):
    """The node could not do what was asked, through no fault of the caller or the job."""

    code = "node"


class NodeUnreachableError(NodeError):
    """No node answers, and none could be started."""

    code = "node.unreachable"


class ConnectionClosedError(NodeError):
    """Another thread of this program closed the connection while a request was under way."""

    code = "node.closed"


class NodeStoppingError(NodeError):
    """The node is closing; the same request will reach the next one."""

    code = "node.stopping"


class VersionMismatchError(NodeError):
    """Client, node and worker speak different protocols, or use different minor versions of Python."""

    code = "node.version"


class ProtocolError(NodeError):
    """A frame that is not of the protocol was received."""

    code = "node.protocol"


class HomeError(NodeError):
    """PICLOUD_HOME cannot be used: not writable, owned by another user, or not a local file system."""

    code = "node.home"


class BackendError(NodeError):
    """A backend could not start what it was asked for, or is not installed."""

    code = "node.backend"


class IllegalEventError(NodeError):
    """The scheduler was told something that cannot be: a fault of the node, which must stop rather than guess."""

    code = "node.illegal-event"


class StoreError(CloudException):
    """The store could not do what was asked."""

    code = "store"


class StoreCorruptError(StoreError):
    """A record's checksum or shape is wrong; it is never handed out."""

    code = "store.corrupt"


class StoreForeignError(StoreError):
    """The folder holds an LMDB environment that picloud did not write."""

    code = "store.foreign"


class StoreNewerError(StoreError):
    """The store was written by a newer version of picloud."""

    code = "store.newer"


class StoreFullError(StoreError):
    """The disk's reserve is reached: new work is refused, results and ends are still kept."""

    code = "store.full"


def _tree(root: type[CloudException]) -> list[type[CloudException]]:
    return [root, *(leaf for branch in root.__subclasses__() for leaf in _tree(branch))]


BY_CODE: dict[str, type[CloudException]] = {kind.code: kind for kind in _tree(CloudException)}
"""Every error class of this module by its stable code."""


def from_wire(facts: dict[str, Any]) -> CloudException:
    """Rebuild an error from `CloudException.to_wire`'s facts; an unknown code gives the base class."""
    kind = BY_CODE.get(str(facts.get("code")), CloudException)
    return kind(facts.get("message", ""), jid=facts.get("jid"), status=facts.get("status"), hint=facts.get("hint"))
