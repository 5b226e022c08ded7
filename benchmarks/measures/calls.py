"""Single jobs: from the call to the result, alone and beside others."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from bench import Bench, Plan, Turn
from contenders.handle import Contender
from figures import Figure, Measurement, Target

THREADS = (1, 4, 16)
CLIENTS = 8
SLOW = ("dask.distributed", "Parsl")


def measure(bench: Bench) -> Iterator[Measurement]:
    """Measure calls by one thread, by several, by several processes, and in the midst of a large map."""
    plan = bench.plan
    everybody = [*bench.peers.values(), *bench.ours]
    counts = {name: max(10, plan.calls // 5) for name in SLOW}
    turns = [Turn(contender, "latency", {"count": counts.get(contender.name, plan.calls)}) for contender in everybody]
    yield Measurement(
        "call",
        f"call → result, warm: median of {plan.rounds} rounds of {plan.calls} calls",
        "s",
        bench.alternate(turns),
        "loky",
        [
            Target("picloud process", 0.7, at_most=True, beside="loky"),
            Target("picloud power", 1.5, at_most=True, beside="loky"),
        ],
    )
    some = [*bench.of("loky"), *bench.ours]
    for threads in THREADS:
        given = {"threads": threads, "count": max(threads, plan.calls)}
        yield Measurement(
            f"call-{threads}-threads",
            f"call → result from {threads} threads of one client at once: median of all calls",
            "s",
            bench.alternate([Turn(contender, "threads", given) for contender in some]),
            "loky",
            [Target("picloud process", 0.7, at_most=True, beside="loky")],
        )
    yield _processes(bench, some)
    yield from _rates(bench)
    yield _urgent(bench)


def _processes(bench: Bench, some: list[Contender]) -> Measurement:
    figures = [_at_once(contender, bench.plan.clients, bench.plan) for contender in some]
    return Measurement(
        "call-processes",
        f"call → result from {bench.plan.clients} client processes at once: median of their medians",
        "s",
        figures,
        "loky",
        [Target("picloud process", 0.7, at_most=True, beside="loky")],
    )


def _rates(bench: Bench) -> Iterator[Measurement]:
    for contender in bench.ours:
        one = _at_once(contender, 1, bench.plan)
        many = _at_once(contender, min(CLIENTS, bench.plan.clients), bench.plan)
        figures = [
            Figure(name, values=[details["rate"] for details in found.details])
            for name, found in (("one client", one), ("all clients", many))
        ]
        yield Measurement(
            f"call-rate-{contender.name.removeprefix('picloud ')}",
            f"{contender.name}: calls a second of one client, and of {min(CLIENTS, bench.plan.clients)} at once",
            "jobs/s",
            figures,
            "one client",
            [Target("all clients", 3.0, at_most=False, beside="one client")],
        )


def _at_once(contender: Contender, clients: int, plan: Plan) -> Figure:
    """Return what so many processes of a contender reach at the same time."""
    figure = Figure(contender.name)
    processes = [contender.another() for _ in range(clients)]
    try:
        for process in processes:
            process.ask("latency", count=10)
        for _ in range(plan.rounds):
            for process in processes:
                process.begin("latency", count=plan.calls)
            answers = [process.finish() for process in processes]
            figure.values.append(median(answer["seconds"] for answer in answers))
            figure.details.append({"rate": sum(plan.calls / answer["all"] for answer in answers)})
    finally:
        for process in processes:
            process.close()
    return figure


def _urgent(bench: Bench) -> Measurement:
    plan, figures = bench.plan, []
    for contender in bench.ours:
        other = contender.another()
        figure = Figure(contender.name)
        other.ask("urgent", count=10)
        for _ in range(plan.rounds):
            first = int(contender.ask("begun", count=plan.large)["first"])
            answer = other.ask("urgent", count=max(20, plan.calls // 3))
            answer |= contender.ask("ended", first=first, count=plan.large)
            figure.values.append(answer["seconds"])
            figure.details.append(answer)
        other.close()
        figures.append(figure)
    return Measurement(
        "call-urgent",
        f"call → result with priority 1 while a map of {plan.large:,} runs",
        "s",
        figures,
        targets=[
            target
            for contender in bench.ours
            for target in (
                Target(contender.name, 0.002, at_most=True),
                Target(contender.name, 0.010, at_most=True, of="p99"),
            )
        ],
    )
