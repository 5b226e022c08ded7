"""Waits of job code: each is told once, never while its worker has no core, and the scheduler hears of it in the right order."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from picloud.node.blocks import Blocks
from picloud.scheduler import events


class Told:
    """One wait that notes what it is told."""

    def __init__(self) -> None:
        self.answers: list[str | None] = []

    def __call__(self, refused: str | None) -> None:
        self.answers.append(refused)


def _blocks() -> tuple[Blocks, list[events.Event]]:
    heard: list[events.Event] = []
    return Blocks(heard.append), heard


def test_a_wait_frees_the_core_and_goes_on_when_it_has_it_again() -> None:
    blocks, heard = _blocks()
    told = Told()
    blocks.wait(1, told)
    assert heard == [events.Blocked(worker=1)]
    blocks.wake(1, told)
    assert heard == [events.Blocked(worker=1), events.Woken(worker=1)]
    assert told.answers == []
    blocks.resume(1)
    assert told.answers == [None]


def test_two_threads_of_a_job_free_one_core() -> None:
    blocks, heard = _blocks()
    one, two = Told(), Told()
    blocks.wait(1, one)
    blocks.wait(1, two)
    blocks.wake(1, one)
    blocks.wake(1, two)
    assert heard == [events.Blocked(worker=1), events.Woken(worker=1)]
    blocks.resume(1)
    assert (one.answers, two.answers) == ([None], [None])


def test_the_second_thread_goes_on_at_once_when_the_first_has_the_core() -> None:
    blocks, heard = _blocks()
    one, two = Told(), Told()
    blocks.wait(1, one)
    blocks.wait(1, two)
    blocks.wake(1, one)
    blocks.resume(1)
    blocks.wake(1, two)
    assert two.answers == [None]
    assert len(heard) == 2


def test_a_refused_wait_is_told_why_and_keeps_its_core() -> None:
    blocks, heard = _blocks()
    told = Told()
    blocks.wait(1, told)
    blocks.refuse(1, "too many")
    assert told.answers == ["too many"]
    again = Told()
    blocks.wait(1, again)
    assert heard == [events.Blocked(worker=1)] * 2


def test_what_waits_in_the_name_of_a_job_that_has_ended_needs_no_core() -> None:
    blocks, heard = _blocks()
    ready, late = Told(), Told()
    blocks.wait(1, ready)
    blocks.wait(1, late)
    blocks.wake(1, ready)
    blocks.leave(1)
    assert ready.answers == [None]
    blocks.wake(1, late)
    assert late.answers == [None]
    assert heard == [events.Blocked(worker=1), events.Woken(worker=1)]


def test_a_lost_worker_is_told_nothing() -> None:
    blocks, _ = _blocks()
    told = Told()
    blocks.wait(1, told)
    blocks.wake(1, told)
    blocks.lose(1)
    blocks.resume(1)
    blocks.refuse(1, "no")
    assert told.answers == []


def test_a_wait_that_is_woken_twice_is_told_once() -> None:
    blocks, _ = _blocks()
    told = Told()
    blocks.wait(1, told)
    blocks.wake(1, told)
    blocks.wake(1, told)
    assert told.answers == []
    blocks.resume(1)
    assert told.answers == [None]


class Model:
    """A scheduler that answers as the real one promises to, and what is known of each wait."""

    def __init__(self, cap: int) -> None:
        self.cap = cap
        self.blocked: set[int] = set()
        self.woken: list[int] = []
        self.waits: list[tuple[int, Told]] = []
        self.blocks = Blocks(self.hear)

    def hear(self, event: events.Event) -> None:
        """Answer as the scheduler does."""
        assert isinstance(event, (events.Blocked, events.Woken))
        if isinstance(event, events.Blocked):
            assert event.worker not in self.blocked, "its core was free already"
            if len(self.blocked) >= self.cap:
                self.blocks.refuse(event.worker, "too many")
            else:
                self.blocked.add(event.worker)
        else:
            assert event.worker in self.blocked, "it had its core"
            assert event.worker not in self.woken, "it was woken already"
            self.woken.append(event.worker)

    def wait(self, worker: int) -> None:
        """Let a job wait; it is refused at once or not at all."""
        told = Told()
        self.blocks.wait(worker, told)
        if not told.answers:
            self.waits.append((worker, told))

    def wake(self, number: int) -> None:
        """Let what some wait is for happen."""
        if self.waits:
            worker, told = self.waits.pop(number % len(self.waits))
            self.blocks.wake(worker or number, told)
            assert told.answers == ([] if worker in self.blocked else [None])

    def resume(self, _number: int) -> None:
        """Let the longest woken worker have its core."""
        if self.woken:
            worker = self.woken.pop(0)
            self.blocked.discard(worker)
            self.blocks.resume(worker)

    def end(self, worker: int) -> None:
        """Let a worker's job end, while threads of it may wait on."""
        self.blocked.discard(worker)
        self.woken = [each for each in self.woken if each != worker]
        self.blocks.leave(worker)
        # What still waits belongs to no job any more, whatever its worker does next.
        self.waits = [(each if each != worker else 0, told) for each, told in self.waits]

    def lose(self, worker: int) -> None:
        """Let a worker die, and with it everybody who waits in its name."""
        self.blocked.discard(worker)
        self.woken = [each for each in self.woken if each != worker]
        self.blocks.lose(worker)
        self.waits = [(each, told) for each, told in self.waits if each != worker]


STEPS = st.tuples(st.sampled_from(("wait", "wait", "wake", "wake", "resume", "end", "lose")), st.integers(1, 3))


@given(cap=st.integers(0, 3), steps=st.lists(STEPS, max_size=25))
@settings(max_examples=500)
def test_any_order_of_waits_agrees_with_the_scheduler(cap: int, steps: list[tuple[str, int]]) -> None:
    model = Model(cap)
    for action, number in steps:
        getattr(model, action)(number)
        for worker, state in model.blocks._by_worker.items():
            assert state.waiting or state.ready, "nothing is kept for nobody"
            assert state.without_core == (worker in model.blocked)
    while model.waits or model.woken:
        model.wake(0)
        model.resume(0)
    assert model.blocks._by_worker == {}
    assert model.blocked == set()
