"""Serialization reports as files: where they are asked for, one for each thing that travels, with types and sizes and no values."""

from __future__ import annotations

import pickle
import shutil
import threading
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from picloud.client.reports import MOST_ITEMS, Reports, reports_of
from picloud.client.results import Piece
from picloud.model import job, outcome
from picloud.model.settings import Settings


@pytest.fixture
def reports(tmp_path: Path) -> Reports:
    found = reports_of(Settings(home=str(tmp_path), serialize_logging=True), "Local")
    assert found is not None
    return found


def written(home: Path) -> dict[str, ET.Element]:
    return {path.name: ET.parse(path).getroot() for path in home.glob("datalogs/*/*/*.xml")}


def ends_of(values: list[object], status: int = job.DONE) -> outcome.Ends:
    rows, heap = b"", b""
    for value in values:
        content = pickle.dumps(value)
        rows += outcome.ROW.pack(status, 0, 0, len(heap), 0, len(content), 0.0, 0.0)
        heap += content
    return outcome.decode(outcome.encode(rows, heap, attempt=1, worker=1, started=0.0, heap_base=0))


def test_they_are_asked_for_by_settings() -> None:
    assert reports_of(Settings(), "Local") is None
    assert reports_of(Settings(), "Simulation") is None
    assert reports_of(Settings(force_serialize_logging=True), "Simulation") is not None
    assert reports_of(Settings(force_serialize_logging=True), "Multiprocessing") is None
    assert reports_of(Settings(serialize_logging=True), "Multiprocessing") is not None


def test_nothing_is_made_before_there_is_something_to_report(reports: Reports, tmp_path: Path) -> None:
    assert not any(tmp_path.iterdir())
    reports.begin("module.function at file.py:1", is_map=False)
    assert [path.parent.name for path in tmp_path.glob("datalogs/*/*")] == ["Local"]


def test_a_calls_function_arguments_and_result(reports: Reports, tmp_path: Path) -> None:
    call = reports.begin("package.<lambda> at file.py:1", is_map=False)
    call.function(pickle.dumps(len), ())
    call.argument(0, pickle.dumps(((1, 2, "secret"), {"key": b"secret"})), ())
    reports.accepted(call, range(5, 6))
    reports.ended([Piece(5, ends_of([[1, 2, 3]]), {})])
    found = written(tmp_path)
    base = "call.package._lambda_.0"
    assert sorted(found) == [f"{base}.args.xml", f"{base}.func.xml", f"{base}.result.xml"]
    assert found[f"{base}.func.xml"].attrib["global"] == "builtins.len"
    arguments = found[f"{base}.args.xml"]
    assert [inner.get("type") for inner in arguments.iter()] == ["tuple", "tuple", "int", "str", "dict", "bytes"]
    assert arguments[0][0].get("count") == "2"
    assert arguments[1][0].get("name") == "key"
    assert found[f"{base}.result.xml"].get("type") == "list"
    for path in tmp_path.glob("datalogs/*/*/*.xml"):
        assert path.stat().st_mode & 0o777 == 0o600
        assert "secret" not in path.read_text()


def test_a_maps_items(reports: Reports, tmp_path: Path) -> None:
    mapped = reports.begin("module.f", is_map=True)
    for index in range(3):
        mapped.argument(index, pickle.dumps((index,)), ())
    reports.accepted(mapped, range(10, 13))
    reports.ended([Piece(11, ends_of(["b", "c"]), {}), Piece(10, ends_of(["a"], job.ERROR), {})])
    names = {name.removeprefix("map.module.f.0.") for name in written(tmp_path)}
    assert names == {"jobarg_0.xml", "jobarg_1.xml", "jobarg_2.xml", "jobresult_1.xml", "jobresult_2.xml"}


def test_of_a_huge_map_the_first_items_are_reported(reports: Reports, tmp_path: Path) -> None:
    mapped = reports.begin("module.f", is_map=True)
    for index in (MOST_ITEMS - 1, MOST_ITEMS, MOST_ITEMS + 1):
        mapped.argument(index, pickle.dumps((index,)), ())
    reports.accepted(mapped, range(1, 10 * MOST_ITEMS))
    reports.ended([Piece(MOST_ITEMS, ends_of([1, 2, 3]), {}), Piece(5 * MOST_ITEMS, ends_of([1]), {})])
    names = {name.removeprefix("map.module.f.0.") for name in written(tmp_path)}
    assert names == {f"jobarg_{MOST_ITEMS - 1}.xml", f"jobresult_{MOST_ITEMS - 1}.xml"}


@pytest.mark.parametrize("jid", [6, 8, 100])
def test_results_of_other_peoples_jobs_are_not_reported(jid: int, reports: Reports, tmp_path: Path) -> None:
    reports.accepted(reports.begin("module.f", is_map=False), range(7, 8))
    reports.ended([Piece(jid, ends_of([1]), {})])
    assert written(tmp_path) == {}


def test_a_folder_that_was_purged_meanwhile_is_made_again(reports: Reports, tmp_path: Path) -> None:
    call = reports.begin("f", is_map=False)
    shutil.rmtree(tmp_path / "datalogs")
    call.function(pickle.dumps(1), ())
    assert written(tmp_path) == {}
    reports.begin("f", is_map=False).function(pickle.dumps(1), ())
    assert list(written(tmp_path)) == ["call.f.1.func.xml"]


def test_what_cannot_be_written_harms_no_job(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("in the way")
    found = reports_of(Settings(home=str(tmp_path / "home"), serialize_logging=True), "Local")
    assert found is not None
    call = found.begin("f", is_map=False)
    call.function(pickle.dumps(1), ())
    found.accepted(call, range(1, 2))
    found.ended([Piece(1, ends_of([1]), {})])


def test_what_is_no_pickle_harms_no_job(reports: Reports, tmp_path: Path) -> None:
    reports.begin("f", is_map=False).argument(0, b"none", ())
    assert [path.read_bytes() for path in tmp_path.glob("datalogs/*/*/*.xml")] == [b""]


def test_a_forked_child_has_a_folder_of_its_own(reports: Reports, tmp_path: Path) -> None:
    reports.begin("f", is_map=False).function(pickle.dumps(1), ())
    reports.forget_parent()
    reports.begin("f", is_map=False).function(pickle.dumps(1), ())
    assert [path.name for path in tmp_path.glob("datalogs/*/*/*.xml")] == ["call.f.0.func.xml"] * 2


def test_buffers_beside_the_pickle_count(reports: Reports, tmp_path: Path) -> None:
    buffer = pickle.PickleBuffer(bytearray(100_000))
    content = pickle.dumps(buffer, 5, buffer_callback=lambda _: None)
    reports.begin("f", is_map=False).argument(0, content, [100_000])
    (root,) = written(tmp_path).values()
    assert int(root.attrib["bytes"]) == len(content) + 100_000


def test_names_that_xml_cannot_hold_are_written_all_the_same(reports: Reports, tmp_path: Path) -> None:
    value = {'<&"\x00\ud800': 1, "long" * 100: 2, "schön": 3}
    reports.begin("f", is_map=False).argument(0, pickle.dumps(value), ())
    (root,) = written(tmp_path).values()
    assert [inner.get("name") for inner in root] == ['<&"??', "long" * 20 + "...", "schön"]


def test_threads_number_their_submissions(reports: Reports, tmp_path: Path) -> None:
    threads = [threading.Thread(target=reports.begin, args=("f",), kwargs={"is_map": False}) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reports.begin("f", is_map=False).function(pickle.dumps(1), ())
    assert list(written(tmp_path)) == ["call.f.8.func.xml"]
