"""Where answers about jobs come from: the node, started if there is none, or the store itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

from picloud.cli.commands import Options
from picloud.cli.failures import NoNodeError
from picloud.cli.jids import Listed
from picloud.client import collecting, settings
from picloud.client import info as client_info
from picloud.client.session import Session
from picloud.exceptions import CloudException
from picloud.model.ids import JidRange
from picloud.wire import messages

_PAGE = 1000
"""Arrays asked for at a time."""


class Source(Protocol):
    """What can be read about jobs."""

    def newest_first(self) -> Iterator[Listed]:
        """Yield the stored arrays."""

    def statuses(self, ranges: Sequence[JidRange]) -> bytes:
        """Return one status code a job, in the order asked."""

    def results(self, ranges: Sequence[JidRange], timeout: float | None, ignore_errors: bool) -> list[Any]:
        """Return results in the order asked, errors as objects in their places if they are ignored."""

    def info(self, ranges: Sequence[JidRange], keys: Sequence[str]) -> dict[int, dict[str, Any]]:
        """Return what `cloud.info` does."""


def connected() -> Session:
    """Return a session with the node of the home that the settings name, which is started if it does not run.

    Raises:
        NoNodeError: if it can be neither reached nor started.
    """
    session = Session(settings.current())
    try:
        session.open()
    except CloudException as error:
        session.close()
        raise NoNodeError from error
    return session


class NodeSource:
    """A node that runs."""

    def __init__(self, session: Session) -> None:
        """Ask through a session; it stays the caller's."""
        self.session = session

    def newest_first(self) -> Iterator[Listed]:
        """Yield the stored arrays."""
        before: int | None = None
        while True:
            answer = self.session.request(messages.ListArrays(before, _PAGE, None))
            arrays = messages.expect(answer.message, messages.Arrays).arrays
            for facts in arrays:
                deleted = tuple((start, stop) for start, stop in facts["deleted"])
                yield Listed(facts["first"], facts["count"], deleted)
            if len(arrays) < _PAGE:
                return
            before = arrays[-1]["first"]

    def statuses(self, ranges: Sequence[JidRange]) -> bytes:
        """Return one status code a job, in the order asked.

        Raises:
            UnknownJobError: naming the first jid that no job has.
        """
        answer = self.session.request(messages.GetStatus([list(pair) for pair in ranges]))
        messages.expect(answer.message, messages.Statuses)
        return answer.body

    def results(self, ranges: Sequence[JidRange], timeout: float | None, ignore_errors: bool) -> list[Any]:
        """Wait for jobs and return their results in the order asked, errors in their places if they are ignored.

        Raises:
            JobError: of the first job that did not end as done, unless errors are ignored.
            CloudTimeoutError: if they have not ended in time.
        """
        return collecting.collect(self.session, ranges, timeout, ignore_errors)

    def info(self, ranges: Sequence[JidRange], keys: Sequence[str]) -> dict[int, dict[str, Any]]:
        """Return what `cloud.info` does."""
        return client_info.get_info(self.session, ranges, keys)


@contextmanager
def open_node() -> Iterator[NodeSource]:
    """Give the node of the home that the settings name, and hang up at the end.

    Raises:
        NoNodeError: if it can be neither reached nor started.
    """
    session = connected()
    try:
        yield NodeSource(session)
    finally:
        session.close()


def open_source(options: Options) -> AbstractContextManager[Source]:
    """Return the node's or, if asked for, the store's answers, to be closed at the end."""
    if not options.offline:
        return open_node()
    from picloud.cli.offline import Offline

    return Offline(settings.home_of(settings.current()), settings.current())
