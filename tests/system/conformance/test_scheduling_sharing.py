"""Arrays whose items take unlike times: no core is idle while there is an item that has not begun."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from types import ModuleType

from . import traces

FAST = 60


def idle_share(spans: list[traces.Span], cores: int) -> float:
    """Return which part of the cores' time ran nothing between the first beginning and the last end."""
    whole = max(span.stop for span in spans) - min(span.start for span in spans)
    return 1 - sum(span.stop - span.start for span in spans) / (cores * whole)


def test_a_long_item_in_c_code_and_then_many_short_ones_keep_all_cores_busy(cloud: ModuleType, tmp_path: Path) -> None:
    """The interpreter lock is held all the while, so that the worker of the long item can neither answer nor hand back."""
    trace = tmp_path / "trace"
    short, count = 150_000, 250
    sizes = [short] * 40 + [short * 200] + [short] * count
    cloud.join(cloud.map(traces.sum_in_c, [str(trace)] * len(sizes), range(len(sizes)), sizes), timeout=FAST)
    spans = traces.spans(trace)
    assert sorted(int(span.name) for span in spans) == list(range(len(sizes)))
    assert idle_share(spans, 2) < 0.25, spans
    long = next(span for span in spans if span.name == "40")
    meanwhile = sum(1 for span in spans if long.start <= span.start < long.stop)
    assert meanwhile > count // 2, "the other core took over what was in the long one's chunk"


def test_at_most_half_a_millisecond_of_work_waits_behind_a_long_item(cloud: ModuleType, gate: Path) -> None:
    """That is what one ticket stands for; everything else of the chunk is taken over."""

    def work(n: int) -> int:
        if n == 15_000:
            traces.hold(str(gate))
        return n

    jids = cloud.map(work, range(40_000))
    cloud.join([jids[:14_000], jids[17_000:]], timeout=FAST)
    assert cloud.status(jids[15_000]) == "processing"
    assert cloud.status(jids).count("done") > 38_000
    gate.touch()
    assert cloud.result(jids, timeout=FAST) == list(range(40_000))


def test_a_short_call_does_not_wait_for_a_long_job(cloud: ModuleType, gate: Path) -> None:
    long = cloud.call(traces.hold, str(gate))
    assert cloud.result(cloud.map(abs, range(-50, 0)), timeout=FAST) == list(range(50, 0, -1))
    assert cloud.status(long) == "processing"


def test_items_that_become_slow_behind_thousands_of_quick_ones_use_all_cores(cloud: ModuleType) -> None:
    """Hundreds of quick ones share a ticket; the first slow one hands those behind it to whoever is free."""
    quick, slow = 6000, 24

    def work(n: int) -> int:
        if n >= quick:
            time.sleep(0.1)
        return n

    jids = cloud.map(work, range(quick + slow))
    assert cloud.result(jids, timeout=FAST) == list(range(quick + slow))
    workers = Counter(facts["worker"] for facts in cloud.info(jids[quick:], ["worker"]).values())
    assert sum(workers.values()) == slow
    assert min(workers.values()) >= slow // 4
    assert len(workers) == 2
