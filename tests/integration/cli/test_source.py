"""The same questions to a node and to its store give the same answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import cloud
from picloud.cli.commands import Options
from picloud.cli.failures import NoNodeError
from picloud.cli.jids import Listed
from picloud.cli.source import Source, open_node, open_source
from picloud.client import settings
from picloud.exceptions import HomeError, JobError, UnknownJobError
from picloud.testing.node import running_node

KEYS = ["status", "stdout", "exception", "label", "runtime", "finished", "args", "attributes"]


def _fail() -> None:
    raise ValueError("no")


def _answers(source: Source) -> dict[str, Any]:
    with pytest.raises(JobError, match="ValueError: no") as failed:
        source.results([(6, 7)], None, ignore_errors=False)
    with pytest.raises(UnknownJobError) as unknown:
        source.statuses([(1, 9)])
    results = source.results([(1, 4), (6, 9), (1, 2)], None, ignore_errors=True)
    assert isinstance(results[3], JobError)
    return {
        "arrays": list(source.newest_first()),
        "statuses": source.statuses([(5, 9), (1, 2)]),
        "results": [value if not isinstance(value, JobError) else str(value) for value in results],
        "info": source.info([(1, 2), (6, 9)], KEYS),
        "failed": failed.value.jid,
        "unknown": unknown.value.jid,
    }


def test_node_and_store_agree(own_home: Path) -> None:
    with running_node(own_home):
        cloud.map(lambda x: [x], range(5))
        cloud.call(_fail, _label="bad")
        cloud.call(bytes, 1_000_000)
        cloud.call(print, "hello")
        cloud.join(range(1, 9), ignore_errors=True)
        cloud.delete(4)
        cloud.close()
        with open_source(Options()) as source:
            online = _answers(source)
    with open_source(Options(offline=True)) as source:
        assert _answers(source) == online
    assert online["arrays"] == [
        Listed(8, 1, ()),
        Listed(7, 1, ()),
        Listed(6, 1, ()),
        Listed(1, 5, ((4, 5),)),
    ]
    assert online["results"][0] == [0]
    assert online["results"][4] == bytes(1_000_000)
    assert online["info"][8]["stdout"] == "hello\n"
    assert (online["failed"], online["unknown"]) == (6, 4)


def test_many_arrays_come_in_pages(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("picloud.cli.source._PAGE", 2)
    with running_node(own_home):
        for _ in range(5):
            cloud.call(abs, 1)
        cloud.map(abs, range(5))
        cloud.close()
        with open_node() as source:
            assert [array.first for array in source.newest_first()] == [6, 5, 4, 3, 2, 1]
            assert list(source.info([(4, 9)], ["label"])) == [4, 5, 6, 7, 8]


def test_where_no_node_can_be(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PICLOUD_HOME", "/proc/no-home")
    settings.reload()
    with pytest.raises(NoNodeError) as caught, open_node():
        pytest.fail("there cannot be one")
    assert isinstance(caught.value.__cause__, HomeError)
