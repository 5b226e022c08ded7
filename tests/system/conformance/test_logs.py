"""`cloud.log` and serialization reports: where their settings ask for them, in the home, and kept when a private node ends."""

from __future__ import annotations

import os
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from .clients import Clients, until

PROGRAM = """
import numpy as np

table = np.arange(100_000.0)

def total(x, scale=1):
    return float(table[x:].sum() * scale)

def part(n):
    return table[:n]

cloud.result(cloud.call(total, 3, scale=2))
cloud.result(cloud.map(part, [10, 90_000]))
cloud.join(cloud.call(divmod, 1, 0), ignore_errors=True)
cloud.close()
"""
REPORTS = {
    "call.__main__.total.0.args.xml",
    "call.__main__.total.0.func.xml",
    "call.__main__.total.0.result.xml",
    "map.__main__.part.1.func.xml",
    "map.__main__.part.1.jobarg_0.xml",
    "map.__main__.part.1.jobarg_1.xml",
    "map.__main__.part.1.jobresult_0.xml",
    "map.__main__.part.1.jobresult_1.xml",
    "call.builtins.divmod.2.args.xml",
    "call.builtins.divmod.2.func.xml",
}


def reports_in(home: Path, kind: str) -> dict[str, ET.Element]:
    return {path.name: ET.parse(path).getroot() for path in home.glob(f"datalogs/{kind}/*/*.xml")}


def test_there_are_none_unless_they_are_asked_for(clients: Clients, home: Path) -> None:
    clients.run(PROGRAM)
    assert not (home / "cloud.log").exists()
    assert not (home / "datalogs").exists()


def test_the_log_tells_what_a_client_did(clients: Clients, home: Path) -> None:
    clients.run(PROGRAM, PICLOUD_SAVE_LOG="1", PICLOUD_LOG_LEVEL="DEBUG")
    lines = [line.partition("): ")[2] for line in (home / "cloud.log").read_text().splitlines()]
    assert lines[0] == f"starting a node on {home}"
    assert lines[1].startswith(f"connected to the node on {home}, pid ")
    assert lines[2].startswith("submitted job 1 of __main__.total at ")
    assert lines[3].startswith("submitted jobs 2 to 3 of __main__.part at ")
    assert lines[4:] == ["submitted job 4 of builtins.divmod", f"leaving the node on {home}"]


def test_a_callback_that_fails_is_in_the_log_and_on_stderr(clients: Clients, home: Path) -> None:
    program = clients.start(
        """
        def fail(jid):
            raise RuntimeError("in a callback")

        cloud.join(cloud.call(abs, -1, _callback=fail))
        time.sleep(1)
        """,
        PICLOUD_SAVE_LOG="1",
    )
    assert "RuntimeError: in a callback" in program.communicate(timeout=50)[1]
    assert "RuntimeError: in a callback" in (home / "cloud.log").read_text()


def test_one_report_for_each_thing_that_travels(clients: Clients, home: Path) -> None:
    clients.run(PROGRAM, PICLOUD_SERIALIZE_LOGGING="1")
    found = reports_in(home, "Local")
    assert set(found) == REPORTS
    function = found["call.__main__.total.0.func.xml"]
    assert int(function.attrib["bytes"]) > 800_000
    (tables,) = (inner for inner in function.iter() if inner.get("name") == "table")
    assert int(tables.attrib["bytes"]) > 800_000
    results = [int(found[f"map.__main__.part.1.jobresult_{index}.xml"].attrib["bytes"]) for index in (0, 1)]
    assert 80 < results[0] < 1000
    assert 720_000 < results[1] < 721_000
    assert found["call.__main__.total.0.result.xml"].get("type") == "float"
    assert not (home / "cloud.log").exists()


@pytest.mark.parametrize("end", ["cloud.close()", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_the_simulators_are_kept_when_its_node_ends_and_everything_else_goes(
    end: str, clients: Clients, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    program = clients.start(
        PROGRAM.replace("cloud.close()", end),
        PICLOUD_USE_SIMULATOR="1",
        PICLOUD_SAVE_LOG="1",
        PICLOUD_FORCE_SERIALIZE_LOGGING="1",
    )
    program.communicate(timeout=50)
    until(lambda: not any(temporary.iterdir()))
    assert set(reports_in(home, "Simulation")) == REPORTS
    assert {path.name for path in home.iterdir()} == {"cloud.log", "datalogs"}
    (log,) = home.glob("datalogs/Simulation/*/node.log")
    assert log.stat().st_size > 0


def test_old_ones_are_purged_when_the_next_are_made(clients: Clients, home: Path) -> None:
    clients.run(PROGRAM, PICLOUD_USE_SIMULATOR="1", PICLOUD_SERIALIZE_LOGGING="1")
    (folder,) = home.glob("datalogs/Simulation/*")
    for path in (*folder.iterdir(), folder):
        os.utime(path, (0, 0))
    clients.run(PROGRAM, PICLOUD_USE_SIMULATOR="1", PICLOUD_SERIALIZE_LOGGING="1")
    (left,) = home.glob("datalogs/Simulation/*")
    assert left.name != folder.name
