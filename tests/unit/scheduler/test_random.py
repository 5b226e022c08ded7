"""Random histories against a small model of the world: what each item went through, and what the rules allow.

The model plays clients, node and workers, and judges every effect: no job is lost, none runs twice unless it may, dependencies
come first, priorities are kept, limits hold, kills and stalls reach everybody, and in the end everything ends.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from picloud.model.cause import Cause, CauseKind
from picloud.model.job import DONE, ERROR, KILLED, STALLED, is_finished
from picloud.scheduler import effects, events
from picloud.scheduler.machine import Limits, Scheduler

pytestmark = pytest.mark.timeout(300)

NAMES = ("pool", "cores", "priority", "client", "restartable", "ignore_dependency_errors")
OPTIONS: list[dict[str, Any]] = [
    dict(zip(NAMES, values, strict=True)) | more
    for values in product("pq", (1, 1, 2, 9), (4, 5, 6), ("ann", "bob"), (True, False), (False, True))
    for more in ({}, {}, {"kill_process": True}, {"max_runtime": 1.0})
]
# Arrays of every kind; one draw from a list is much quicker than one for each option.
DEEDS = list(product((DONE, DONE, DONE, ERROR), (True, False), (1e-5, 1e-4, 1e-3, 0.01, 0.1)))
"""How items end, whether they heed an interrupt, and how long they take."""
WORLDS = list(product((1, 2, 3), (1, 3), (None, 0, 1), (True, True, False), (1, 3, 100), (0.0, 0.06)))
"""Slots, cap of blocked, idle workers; whether workers start at once; half steps in a round of the end game, its length."""
FATES = ["starts"] * 6 + ["fails", "never"]
LOSSES = [events.LossKind.JOB, events.LossKind.INFRASTRUCTURE]
UNBOUNDED = 3000  # steps after which a history that only ends things counts as stuck


@dataclass
class Submission:
    """One array as its client knows it."""

    event: events.ArraySubmitted
    codes: list[int] = field(default_factory=list)  # final codes; -1 before
    begun: list[list[int]] = field(default_factory=list)  # attempts that began, by item
    lost: list[int] = field(default_factory=list)  # attempts of an item that infrastructure took away
    killed: set[int] = field(default_factory=set)
    handed: dict[int, int] = field(default_factory=dict)  # items that are with workers: to which
    finished: bool = False


@dataclass
class Process:
    """One worker as the node sees it."""

    pool: str
    chunk: effects.Dispatch | None = None
    kept: int = 0
    taken: int = 0  # tickets that it has taken
    begun: int = 0
    ended: list[int] = field(default_factory=list)
    told: int = 0
    blocked: bool = False
    woken: bool = False
    interrupted: set[int] = field(default_factory=set)
    condemned: bool = False

    @property
    def running(self) -> int | None:
        return self.begun - 1 if self.begun > len(self.ended) else None


class Histories(RuleBasedStateMachine):
    """One history."""

    @initialize(world=st.sampled_from(WORLDS))
    def begin(self, world: tuple[int, int, int | None, bool, int, float]) -> None:
        slots, cap, idle, self.eager, self.pace, self.tempo = world
        self.limits = Limits(slots=slots, blocked_cap=cap, idle_workers=idle)
        self.scheduler = Scheduler(self.limits)
        self.answers: deque[events.Event] = deque()
        self.arrays: dict[int, Submission] = {}
        self.processes: dict[int, Process] = {}
        self.starting: list[str] = []
        self.dead_pools: set[str] = set()
        self.ids, self.now, self.next_jid = 0, 0.0, 1

    # --- what the scheduler's answers must hold to -------------------------------------------------------------------

    def feed(self, event: events.Event) -> None:
        """Carry out an event's effects, then feed the answers to them."""
        self.answers.append(event)
        while self.answers:
            event = self.answers.popleft()
            for effect in self.scheduler.handle(event, self.now):
                getattr(self, f"on_{type(effect).__name__}")(effect, event)

    def on_StartWorker(self, effect: effects.StartWorker, _event: events.Event) -> None:  # noqa: N802 - an effect's name
        self.starting.append(effect.pool)
        live = len(self.starting)
        for process in self.processes.values():
            dying = process.condemned and process.chunk is None
            live += not process.blocked and not dying
        assert live <= self.limits.live_workers
        if self.eager:
            self.answers.append(self.started(effect.pool))

    def on_RetireWorker(self, effect: effects.RetireWorker, _event: events.Event) -> None:  # noqa: N802 - named after the effect
        assert self.processes.pop(effect.worker).chunk is None

    def on_Dispatch(self, effect: effects.Dispatch, _event: events.Event) -> None:  # noqa: N802 - named after the effect
        process, array = self.processes[effect.worker], self.arrays[effect.first]
        assert process.chunk is None
        assert process.pool == array.event.pool
        for item in range(effect.start, effect.stop):
            assert array.codes[item] == -1, "it has ended"
            assert item not in array.handed, "it is with two workers"
            assert item not in array.killed, "it was killed"
            assert effect.attempt == 1 + array.lost.count(item)
            array.handed[item] = effect.worker
        assert self.unmet(array) is None, "a dependency has not ended, or not well"
        assert effect.stop - effect.start == 1 or not (array.event.kill_process or array.event.max_runtime)
        assert effect.group == 1 or array.event.restartable
        process.chunk, process.kept = effect, effect.stop - effect.start
        process.taken = process.begun = process.told = 0
        process.ended, process.interrupted = [], set()
        busy = sum(
            min(self.arrays[other.chunk.first].event.cores, self.limits.slots)
            for other in self.processes.values()
            if other.chunk is not None and not other.blocked
        )
        assert busy <= self.limits.slots
        assert not any(other.woken for other in self.processes.values()), "a woken job goes first"
        for other_array in self.arrays.values():
            if other_array.event.pool == array.event.pool and other_array.event.cores <= array.event.cores:
                better = other_array.event.priority < array.event.priority
                assert not (better and self.ready(other_array)), "something of better priority could have run"

    def on_Reclaim(self, effect: effects.Reclaim, _event: events.Event) -> None:  # noqa: N802 - named after the effect
        process = self.processes[effect.worker]
        assert process.chunk is not None
        assert process.chunk.seq == effect.seq
        group = process.chunk.group
        started = min(process.kept, process.taken * group)
        wanted = -(-(effect.keep or 0) // group) * group
        kept = min(process.kept, max(started, wanted))
        array = self.arrays[process.chunk.first]
        for index in range(kept, process.kept):
            del array.handed[process.chunk.start + index]
        process.kept = kept
        self.answers.append(events.Reclaimed(worker=effect.worker, seq=effect.seq, kept=kept))

    def on_Interrupt(self, effect: effects.Interrupt, _event: events.Event) -> None:  # noqa: N802 - named after the effect
        process = self.processes[effect.worker]
        assert process.chunk is not None
        assert process.chunk.seq == effect.seq
        assert effect.index < process.kept
        assert self.is_killed(process, effect.index)
        process.interrupted.add(effect.index)

    def on_KillWorker(self, effect: effects.KillWorker, _event: events.Event) -> None:  # noqa: N802 - named after the effect
        process = self.processes[effect.worker]
        assert self.is_killed(process, process.told), "a neighbour would be killed"
        process.condemned = True

    def on_Ended(self, effect: effects.Ended, event: events.Event) -> None:  # noqa: N802 - named after the effect
        array = self.arrays[effect.first]
        for item in range(effect.start, effect.stop):
            assert effect.attempt == 1 + array.lost.count(item)
            if effect.code == STALLED:
                failed = effect.cause.number
                assert failed is not None
                assert self.unmet(array) == "failed"
                assert not array.begun[item]
            elif effect.code == KILLED:
                assert item in array.killed
            else:
                assert effect.code == ERROR
                assert isinstance(event, events.WorkerLost | events.WorkerStartFailed)
            self.end(array, item, effect.code)

    def on_ArrayFinished(self, effect: effects.ArrayFinished, _event: events.Event) -> None:  # noqa: N802 - named after the effect
        array = self.arrays[effect.first]
        assert not array.finished
        assert all(is_finished(code) for code in array.codes)
        assert list(self.scheduler.statuses(effect.first)) == array.codes
        array.finished = True

    def on_Queued(self, effect: effects.Queued, _event: events.Event) -> None:  # noqa: N802 - named after the effect
        assert self.unmet(self.arrays[effect.first]) is None

    def on_Resume(self, effect: effects.Resume, _event: events.Event) -> None:  # noqa: N802 - named after the effect
        process = self.processes[effect.worker]
        assert process.woken
        process.blocked = process.woken = False

    def on_RefuseBlock(self, effect: effects.RefuseBlock, _event: events.Event) -> None:  # noqa: N802 - named after the effect
        process = self.processes[effect.worker]
        process.blocked = False
        assert effect.blocked == sum(other.blocked for other in self.processes.values()) == effect.cap

    def on_AttemptLost(self, effect: effects.AttemptLost, event: events.Event) -> None:  # noqa: N802 - named after the effect
        assert isinstance(event, events.WorkerLost)
        assert event.kind is events.LossKind.INFRASTRUCTURE or event.status == KILLED
        array = self.arrays[effect.first]
        assert array.event.restartable
        assert effect.stop == effect.start + 1
        assert effect.attempt == 1 + array.lost.count(effect.start)
        array.lost.append(effect.start)

    # --- what the model knows ----------------------------------------------------------------------------------------

    def end(self, array: Submission, item: int, code: int) -> None:
        assert array.codes[item] == -1, "it ends twice"
        array.codes[item] = code
        array.handed.pop(item, None)

    def unmet(self, array: Submission) -> str | None:
        """Return why an array may not run: None, 'failed' or 'unfinished'."""
        codes = [
            self.arrays[first].codes[jid - first]
            for start, stop in array.event.depends_on
            for jid in range(start, stop)
            for first in [max(first for first in self.arrays if first <= jid)]
        ]
        if any(code > DONE for code in codes) and not array.event.ignore_dependency_errors:
            return "failed"
        return "unfinished" if -1 in codes else None

    def ready(self, array: Submission) -> bool:
        free = any(code == -1 and item not in array.handed for item, code in enumerate(array.codes))
        return free and self.unmet(array) is None

    def is_killed(self, process: Process, index: int) -> bool:
        assert process.chunk is not None
        return process.chunk.start + index in self.arrays[process.chunk.first].killed

    def busy(self) -> list[int]:
        return [worker for worker, process in self.processes.items() if process.chunk is not None]

    def unblocked(self) -> list[int]:
        return [worker for worker in self.busy() if not self.processes[worker].blocked]

    # --- the world ---------------------------------------------------------------------------------------------------

    @rule(
        options=st.sampled_from(OPTIONS),
        count=st.sampled_from([1, 1, 2, 3, 7, 30]),
        dependency=st.none() | st.tuples(st.integers(0, 60), st.integers(1, 40)),
    )
    def submit(self, options: dict[str, Any], count: int, dependency: tuple[int, int] | None) -> None:
        depends_on: tuple[tuple[int, int], ...] = ()
        if dependency is not None:
            start = max(1, self.next_jid - dependency[0])
            depends_on = self.unfinished_within(start, min(start + dependency[1], self.next_jid))
        event = events.ArraySubmitted(first=self.next_jid, count=count, depends_on=depends_on, **options)
        self.arrays[self.next_jid] = Submission(event, [-1] * count, [[] for _ in range(count)])
        self.next_jid += count
        self.feed(event)

    def unfinished_within(self, start: int, stop: int) -> tuple[tuple[int, int], ...]:
        """Return the jids that have not ended, neighbours joined, across arrays too."""
        spans: list[tuple[int, int]] = []
        for first, array in self.arrays.items():
            for jid, code in enumerate(array.codes, first):
                if start <= jid < stop and code == -1:
                    if spans and spans[-1][1] == jid:
                        spans[-1] = (spans[-1][0], jid + 1)
                    else:
                        spans.append((jid, jid + 1))
        return tuple(spans)

    @precondition(lambda self: self.starting)
    @rule(which=st.integers(0, 5), fate=st.sampled_from(FATES))
    def answer_start(self, which: int, fate: str) -> None:
        pool = self.starting[which % len(self.starting)]
        if fate == "starts":
            self.feed(self.started(pool))
        else:
            self.starting.remove(pool)
            self.feed(events.WorkerStartFailed(pool=pool, detail="no", permanent=fate == "never"))

    def started(self, pool: str) -> events.WorkerStarted:
        """Let a worker be there."""
        self.starting.remove(pool)
        self.ids += 1
        self.processes[self.ids] = Process(pool)
        return events.WorkerStarted(worker=self.ids, pool=pool)

    @precondition(lambda self: self.unblocked())
    @rule(which=st.integers(0, 5), halves=st.integers(1, 12), deed=st.sampled_from(DEEDS))
    def work(self, which: int, halves: int, deed: tuple[int, bool, float]) -> None:
        code, heeds, each = deed
        worker = self.unblocked()[which % len(self.unblocked())]
        for _ in range(halves):
            self.half_step(self.processes[worker], code, heeds=heeds)
        self.tell(worker, each)

    def half_step(self, process: Process, code: int, *, heeds: bool) -> None:
        """Begin an item, or end the one that runs."""
        if process.chunk is None:
            return
        if process.running is not None:
            heeded = heeds and process.running in process.interrupted
            process.ended.append(KILLED if heeded else code)
        elif process.begun < process.kept:
            if process.begun == process.taken * process.chunk.group:
                process.taken += 1
            array, item = self.arrays[process.chunk.first], process.chunk.start + process.begun
            assert process.chunk.attempt not in array.begun[item], "it runs twice in one attempt"
            assert not array.begun[item] or array.event.restartable
            array.begun[item].append(process.chunk.attempt)
            process.begun += 1

    def tell(self, worker: int, each: float) -> None:
        """Tell the scheduler what has ended in a worker."""
        process = self.processes[worker]
        codes = process.ended[process.told :]
        if process.chunk is None or not codes:
            return
        array = self.arrays[process.chunk.first]
        for at, code in enumerate(codes, process.chunk.start + process.told):
            self.end(array, at, code)
        process.told += len(codes)
        self.feed(events.Progress(worker=worker, seq=process.chunk.seq, codes=bytes(codes), seconds=each * len(codes)))

    @precondition(lambda self: self.unblocked())
    @rule(which=st.integers(0, 5))
    def go_through(self, which: int) -> None:
        """Let a worker end its chunk, and begin the first item of its next one."""
        worker = self.unblocked()[which % len(self.unblocked())]
        process = self.processes[worker]
        while process.begun < process.kept or process.running is not None:
            self.half_step(process, DONE, heeds=True)
        self.tell(worker, 1e-4)
        self.end_chunk(self.busy().index(worker), retire=False)
        self.half_step(process, DONE, heeds=True)

    @precondition(lambda self: self.busy())
    @rule(which=st.integers(0, 5), retire=st.booleans())
    def end_chunk(self, which: int, retire: bool) -> None:
        worker = self.busy()[which % len(self.busy())]
        process = self.processes[worker]
        if process.chunk is None or process.told < process.kept:
            return
        seq, process.chunk = process.chunk.seq, None
        process.blocked = process.woken = False
        if retire:
            del self.processes[worker]
        self.feed(events.ChunkDone(worker=worker, seq=seq, retire=retire))

    @precondition(lambda self: self.processes)
    @rule(which=st.integers(0, 5), kind=st.sampled_from(LOSSES))
    def lose(self, which: int, kind: events.LossKind) -> None:
        worker = list(self.processes)[which % len(self.processes)]
        self.tell(worker, 0.01)
        process = self.processes.pop(worker)
        running = None
        if process.chunk is not None:
            array = self.arrays[process.chunk.first]
            running = process.running
            for index in range(len(process.ended), process.kept):
                array.handed.pop(process.chunk.start + index)
        else:
            kind = events.LossKind.RETIRED
        cause = Cause(CauseKind.KILLED_BY_USER if process.condemned else CauseKind.SIGNAL, 9)
        status = KILLED if process.condemned else ERROR
        self.feed(events.WorkerLost(worker=worker, kind=kind, running=running, cause=cause, status=status))

    @precondition(lambda self: self.scheduler.arrays() and self.next_jid > 20)
    @rule(start=st.integers(0, 60), length=st.integers(0, 40))
    def kill(self, start: int, length: int) -> None:
        """Kill a range; no length means all."""
        everything = not length
        start = max(0, self.next_jid - start)
        stop = start + length
        for first, array in self.arrays.items():
            named = (
                range(array.event.count)
                if everything
                else range(max(0, start - first), min(array.event.count, stop - first))
            )
            array.killed |= {item for item in named if array.codes[item] == -1}
        self.feed(events.KillRequested(ranges=None if everything else ((start, stop),)))
        for array in self.arrays.values():
            assert all(array.codes[item] != -1 or item in array.handed for item in array.killed)

    @precondition(lambda self: self.unblocked())
    @rule(which=st.integers(0, 5), ahead=st.integers(0, 3))
    def kill_in_chunk(self, which: int, ahead: int) -> None:
        chunk = self.processes[self.unblocked()[which % len(self.unblocked())]].chunk
        if chunk is not None:
            self.kill(self.next_jid - chunk.first - chunk.start - ahead, 1)

    @precondition(lambda self: self.unblocked())
    @rule(which=st.integers(0, 5))
    def time_out(self, which: int) -> None:
        worker = self.unblocked()[which % len(self.unblocked())]
        self.tell(worker, 0.01)
        process = self.processes[worker]
        if process.chunk is not None and process.running is not None:
            array = self.arrays[process.chunk.first]
            if array.event.max_runtime is not None:
                array.killed.add(process.chunk.start + process.running)
                self.feed(events.TimedOut(worker=worker, seq=process.chunk.seq, index=process.running))

    @precondition(lambda self: self.unblocked())
    @rule(which=st.integers(0, 5))
    def block(self, which: int) -> None:
        worker = self.unblocked()[which % len(self.unblocked())]
        process = self.processes[worker]
        if process.running is not None:
            self.processes[worker].blocked = True
            cap = sum(other.blocked for other in self.processes.values()) > self.limits.blocked_cap
            self.feed(events.Blocked(worker=worker))
            assert process.blocked != cap

    @precondition(lambda self: any(process.blocked for process in self.processes.values()))
    @rule(which=st.integers(0, 5))
    def wake(self, which: int) -> None:
        blocked = [worker for worker, process in self.processes.items() if process.blocked and not process.woken]
        if blocked:
            worker = blocked[which % len(blocked)]
            self.processes[worker].woken = True
            self.feed(events.Woken(worker=worker))

    @precondition(lambda self: self.busy())
    @rule(seconds=st.sampled_from([0.0, 0.001, 0.06, 1.1, 61.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.feed(events.Tick())

    @invariant()
    def tables_agree(self) -> None:
        self.scheduler.check_invariants()
        assert self.scheduler.arrays() == [first for first, array in self.arrays.items() if not array.finished]
        for first, array in self.arrays.items():
            if not array.finished:
                seen = self.scheduler.statuses(first)
                ended = [code if is_finished(code) else -1 for code in seen]
                assert ended == array.codes
                assert -1 in ended

    def teardown(self) -> None:
        """Everything ends once workers go on, starts succeed and waits are over."""
        if not hasattr(self, "scheduler"):
            return
        for _ in range(UNBOUNDED):
            if all(array.finished for array in self.arrays.values()):
                break
            if not self.go_on():
                deadline = self.scheduler.next_deadline()
                assert deadline is not None, "it hangs"
                self.now = max(self.now, deadline)
                self.feed(events.Tick())
        else:
            raise AssertionError("it never ends")
        for array in self.arrays.values():
            bad = array.event.depends_on and not array.event.ignore_dependency_errors and self.unmet(array) == "failed"
            if bad:
                assert all(code in {STALLED, KILLED} for code in array.codes)
            else:
                assert STALLED not in array.codes
            for item, code in enumerate(array.codes):
                assert code != DONE or array.begun[item]
        self.tables_agree()

    def go_on(self) -> bool:
        """Do whatever comes next in the world; return whether there was anything."""
        moved = False
        while self.starting:
            moved = True
            self.answer_start(0, "starts")
        for worker, process in [*self.processes.items()]:
            if worker not in self.processes:
                continue
            if process.condemned:
                self.lose(list(self.processes).index(worker), events.LossKind.JOB)
                moved = True
            elif process.blocked and not process.woken:
                process.woken = moved = True
                self.feed(events.Woken(worker=worker))
            elif process.chunk is not None and not process.blocked:
                for _ in range(self.pace):
                    self.half_step(process, DONE, heeds=True)
                self.tell(worker, 1e-4)
                self.end_chunk(self.busy().index(worker), retire=False)
                moved = True
        if moved and self.tempo:
            self.wait(self.tempo)
        return moved


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=1000, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
