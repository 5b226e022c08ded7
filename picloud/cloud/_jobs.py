"""The job functions: `cloud` and `cloud.mp` are two of these, on two nodes."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from cloud import _arguments, _signature
from picloud.client import collecting, lifetime, questions, streams, waiting
from picloud.client.callbacks import Callbacks
from picloud.client.info import get_info
from picloud.client.session import Session
from picloud.client.submission import Request, Submitter
from picloud.exceptions import ArgumentTypeError
from picloud.model import ids, job
from picloud.wire import messages

Jids = int | range | Iterable[int | range]
"""One job, or several: an int, a range, or an iterable of those."""

_NOTHING = nullcontext()
_STATUS = [str(status) for status in job.BY_CODE]


class Jobs:
    """Submits jobs to one node and asks about them.

    `open_session` makes the session at the first use and after `close`; a job that is pickled with this object finds the one of
    the same global name where it runs.
    """

    def __init__(
        self,
        module: str,
        name: str,
        open_session: Callable[[], Session],
        describe: Callable[[], dict[str, Any]],
    ) -> None:
        """Be the global `name` of `module`.

        `describe` gives what `connection_info` says before anything is opened.
        """
        self.__module__ = module
        self._name = name
        self._open_session = open_session
        self._describe = describe
        self._session: Session | None = None
        self._callbacks: Callbacks | None = None
        self._reset()
        lifetime.at_fork(self)

    def _reset(self) -> None:
        self._submitter = Submitter()
        # A signal handler may use what its thread just opens.
        self._lock = threading.RLock()

    def forget_parent(self) -> None:
        """Begin anew in a forked child, where a thread of the parent may have been in the midst of anything."""
        self._reset()

    def __reduce__(self) -> str:
        """Pickle by name."""
        return self._name

    def call(self, func: Callable[..., Any], /, *args: Any, **kwargs: Any) -> int:
        """Submit one job that calls `func(*args, **kwargs)`, and return its jid once it is registered.

        Keywords that the function does not see: `_label` (ASCII text), `_priority` (int, lower runs earlier, 5), `_depends_on`
        (jids), `_depends_on_errors` ('abort' or 'ignore'), `_restartable` (True), `_kill_process` (False), `_max_runtime`
        (minutes), `_os_env_vars` (names, or names with values), `_type` (core type), `_cores` (1), `_fast_serialization` (0, 1, 2),
        `_callback` and `_callback_on_error` (callables, called in a thread of this process when the job has ended as done, or
        otherwise; with the jid if they take an argument), `_profile` (True: under cProfile, which can make a job ten times slower;
        see `info`'s profile and profile_stats).

        Raises:
            TypeError, ValueError: for arguments that the function or a keyword does not take; nothing was submitted then.
            SerializationError: if function or arguments cannot travel.
        """
        _arguments.check_function(func, "cloud.call")
        keywords = _arguments.take_keywords(func, kwargs, "cloud.call", is_map=False)
        _signature.check(func, args, kwargs)
        request = Request(func, ((args, kwargs),), False, keywords.options, keywords.variables)
        session = self.session()
        jid = self._submitter.submit(session, request).start
        if keywords.callbacks or keywords.error_callbacks:
            self._callbacks_of(session).add(jid, keywords.callbacks, keywords.error_callbacks)
        return jid

    def map(self, func: Callable[..., Any], /, *args: Iterable[Any], **kwargs: Any) -> range:
        """Submit one job for each tuple of items of the iterables, and return their jids as a range.

        Shorter iterables are padded with None; generators are read to their end first.  Takes the keywords of `call` but the
        callbacks; the function gets no keyword arguments: close over constants in a lambda.

        Raises:
            TypeError, ValueError: for arguments that are no iterables, or that a keyword does not take.
            SerializationError: if function or arguments cannot travel.
        """
        _arguments.check_function(func, "cloud.map")
        keywords = _arguments.take_keywords(func, kwargs, "cloud.map", is_map=True)
        _arguments.check_iterables(args, "cloud.map")
        _signature.check(func, (None,) * len(args), {})
        single = len(args) == 1
        rows = args[0] if single else itertools.zip_longest(*args)
        request = Request(func, rows, True, keywords.options, keywords.variables, single)
        return self._submitter.submit(self.session(), request)

    def join(
        self,
        jids: Jids,
        timeout: float | None = None,
        ignore_errors: bool = False,
        deadlock_check: bool = True,
        progress: bool = False,
    ) -> None:
        """Wait until jobs have ended; `deadlock_check` has no effect, since waiting inside jobs cannot deadlock.

        With `progress`, stderr shows meanwhile how many are in which state, and about how long the rest will take.

        Raises:
            JobError: of a job that did not end as done, unless errors are ignored.
            CloudTimeoutError: if they have not ended after `timeout` seconds (0 looks once); its `jid` lists the unfinished.
        """
        seconds = _arguments.timeout_of(timeout)
        ranges = _arguments.jid_ranges(jids)
        if not ranges:
            return
        session = self.session()
        with _shown(session, ranges) if progress else _NOTHING:
            waited = questions.wait(session, ranges, "all" if ignore_errors else "failure", seconds)
            if waited.failed is not None and not ignore_errors:
                collecting.collect(session, [(waited.failed, waited.failed + 1)], None, False)
            if not waited.satisfied:
                raise waiting.timed_out("cloud.join timed out", waited)

    def status(self, jids: Jids) -> Any:
        """Return a job's status, or the list of several jobs' statuses in the order asked."""
        ranges = _arguments.jid_ranges(jids)
        if not ranges:
            return []
        statuses = list(map(_STATUS.__getitem__, questions.statuses(self.session(), ranges)))
        return statuses[0] if _arguments.is_one(jids) else statuses

    def result(
        self,
        jids: Jids,
        timeout: float | None = None,
        ignore_errors: bool = False,
        deadlock_check: bool = True,
        progress: bool = False,
    ) -> Any:
        """Wait for a job and return its result, or the list of several jobs' results in the order asked.

        Every call gives a fresh value.  `progress` shows meanwhile what `join` shows.

        Raises:
            JobError: of a job that did not end as done; if errors are ignored, the error stands in the result's place.
            CloudTimeoutError: as `join`.
        """
        seconds = _arguments.timeout_of(timeout)
        ranges = _arguments.jid_ranges(jids)
        if not ranges:
            return []
        session = self.session()
        collect = collecting.collect if len(ranges) == 1 else questions.all_results
        if progress:
            with _shown(session, ranges):
                values = collect(session, ranges, seconds, ignore_errors)
        else:
            values = collect(session, ranges, seconds, ignore_errors)
        return values[0] if _arguments.is_one(jids) else values

    def view(self, jids: Jids) -> None:
        """Show a table of jobs until all have ended: live in a terminal or notebook, else printed now and at the end.

        Of many jobs those that run, failed or come next are shown.  Ctrl-C ends the view, not the jobs.
        """
        from picloud.client import view

        ranges = _arguments.jid_ranges(jids)
        if ranges:
            view.view(self.session(), ranges)

    def iresult(
        self,
        jids: Jids,
        timeout: float | None = None,
        num_in_parallel: int = 10,
        ignore_errors: bool = False,
    ) -> Iterator[Any]:
        """Return an iterator over results in the order asked, each as soon as it can be had.

        `next` raises the JobError of a job that did not end as done, and goes on behind it; `timeout` holds for each `next`.
        `num_in_parallel` is taken for PiCloud's sake: what has ended is read ahead by bytes.
        """
        seconds, ranges = self._iterable(jids, timeout, num_in_parallel)
        return streams.Ordered(self.session(), ranges, seconds, ignore_errors)

    def iresult_unordered(
        self,
        jids: Jids,
        timeout: float | None = None,
        num_in_parallel: int = 10,
        ignore_errors: bool = False,
    ) -> Iterator[Any]:
        """Return an iterator over results in the order in which the jobs end; for the rest as `iresult`."""
        seconds, ranges = self._iterable(jids, timeout, num_in_parallel)
        return streams.Unordered(self.session(), ranges, seconds, ignore_errors)

    def info(self, jids: Jids, info_requested: str | Iterable[str] | None = None) -> dict[int, dict[str, Any]]:
        """Return a dict of what is asked for, by jid, also for a single one: by default stdout, stderr, status and runtime.

        Further keys: created, started, finished (local datetimes, None until then), exception (the traceback), cause, attempt,
        worker, progress and log (what the job said of itself), function, label, args, kwargs, func_object, parent_jid,
        attributes (a dict of what was fixed at creation), code_version, interpreter, cwd, creator_hostname, type, cores,
        priority, max_runtime (minutes), restartable, depends_on, and ports: `{protocol: {port: {'address', 'port'}}}` while the
        job runs, else ''.  'all' is everything.  memory, swap, disk, cputime and cpu_percentage stand for their members
        (`memory.usage` ...), which are given flat.

        Nothing is measured or logged for these yet, so that they are always empty: logging, pilog, syslog, env, vol, profile,
        creator_api_key, and the members of the groups but `memory.max_usage`, which is known of jobs whose process ended.

        Raises:
            TypeError, ValueError: for keys that are no text or do not exist.
            SerializationError: if args, kwargs or func_object cannot be rebuilt here; with 'all' it stands in their place.
        """
        ranges = _arguments.jid_ranges(jids)
        keys = _arguments.info_keys(info_requested)
        return get_info(self.session(), ranges, keys) if ranges else {}

    def kill(self, jids: Jids | None = None) -> None:
        """Kill jobs, None for every unfinished one; ended jobs stay as they are."""
        if jids is None:
            self.session().request(messages.Kill(None))
        elif ranges := _arguments.jid_ranges(jids):
            questions.kill(self.session(), ranges)

    def delete(self, jids: Jids) -> None:
        """Forget ended jobs and all that is kept of them.

        Raises:
            UnfinishedJobError: if one of them has not ended; nothing is deleted then.
        """
        ranges = _arguments.jid_ranges(jids)
        if ranges:
            questions.delete(self.session(), ranges)

    def close(self) -> bool:
        """Close the connection, and end the node if it is private; return whether anything was open; the next use opens anew.

        Pending callbacks are dropped.
        """
        with self._lock:
            session, self._session = self._session, None
            callbacks, self._callbacks = self._callbacks, None
        if callbacks is not None:
            callbacks.drop()
        was_open = session.close() if session is not None else False
        if callbacks is not None:
            callbacks.wait()
        return was_open

    def connection_info(self) -> dict[str, Any]:
        """Return how this process is connected, and facts of the node if it is."""
        session = self._session
        welcome = session.welcome if session is not None and not session.closed else None
        facts: dict[str, Any] = {"opened": welcome is not None, **self._describe()}
        if welcome is not None:
            facts |= {
                "home": welcome.home,
                "pid": welcome.pid,
                "version": welcome.version,
                "durability": welcome.durability,
                "cpus": welcome.cpus,
                "num_procs": welcome.limits.get("num_procs", len(welcome.cpus)),
                "limits": welcome.limits,
            }
        return facts

    def session(self) -> Session:
        """Return the session in use, opened if there is none."""
        session = self._session
        if session is None or session.closed:
            lifetime.hold_daemons()
            with self._lock:
                if self._session is None or self._session.closed:
                    self._session = self._open_session()
                session = self._session
        return session

    def _callbacks_of(self, session: Session) -> Callbacks:
        with self._lock:
            if self._callbacks is None or self._callbacks.session is not session:
                self._callbacks = Callbacks(session)
            return self._callbacks

    @staticmethod
    def _iterable(jids: Jids, timeout: float | None, num_in_parallel: int) -> tuple[float | None, list[ids.JidRange]]:
        seconds = _arguments.timeout_of(timeout)
        ranges = _arguments.jid_ranges(jids)
        if isinstance(num_in_parallel, bool) or not isinstance(num_in_parallel, int):
            raise ArgumentTypeError("num_in_parallel must be an integer")
        return seconds, ranges


def _shown(session: Session, ranges: list[ids.JidRange]) -> AbstractContextManager[object]:
    """Return what shows how far jobs are, for as long as it is open."""
    from picloud.client.display import Display

    return Display(session, ranges)
