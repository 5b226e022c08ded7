"""`cloud` in the cells of a real Jupyter kernel: by value, live views, interrupts, restarts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import KernelManager
from jupyter_core.utils import ensure_event_loop

from .clients import nothing_is_left_of

FAST = 50


class Notebook:
    """A kernel and the cells that are run in it."""

    def __init__(self, manager: KernelManager) -> None:
        self.manager = manager
        self.client: Any = manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=FAST)

    def start(self, cell: str) -> str:
        """Begin to run a cell, and return the message's id."""
        return str(self.client.execute(cell, stop_on_error=False))

    def finish(self, message: str) -> tuple[str, list[dict[str, Any]]]:
        """Return the text that a cell printed, and its displays, first ones and updates, once it has ended.

        Raises:
            AssertionError: with the traceback, if the cell failed.
        """
        text, failure = "", ""
        displays: list[dict[str, Any]] = []
        deadline = time.monotonic() + FAST
        while True:
            found = self.client.get_iopub_msg(timeout=max(0.1, deadline - time.monotonic()))
            if found["parent_header"].get("msg_id") != message:
                continue
            kind, content = found["msg_type"], found["content"]
            if kind == "stream":
                text += content["text"]
            elif kind in ("display_data", "update_display_data"):
                displays.append({"kind": kind, **content})
            elif kind == "error":
                failure = f"{content['ename']}: {content['evalue']}\n" + "\n".join(content["traceback"])
            elif kind == "status" and content["execution_state"] == "idle":
                if failure:
                    raise AssertionError(failure)
                return text, displays

    def run(self, cell: str) -> tuple[str, list[dict[str, Any]]]:
        """Run a cell to its end."""
        return self.finish(self.start(cell))


@pytest.fixture(scope="module", autouse=True)
def _loop() -> Iterator[None]:
    """Have the event loop that the kernels' clients keep for good, so that no test is taken for the one that left it."""
    loop = ensure_event_loop()
    yield
    loop.close()


@pytest.fixture
def notebook(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    monkeypatch.setenv("PICLOUD_DURABILITY", "process")
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(tmp_path))
    opened = Notebook(manager)
    yield opened
    opened.client.stop_channels()
    manager.shutdown_kernel(now=True)


def test_cells_define_what_jobs_run(notebook: Notebook) -> None:
    notebook.run("import cloud\nscale = 3\nclass Point:\n    def __init__(self, x): self.x = x")
    notebook.run("def f(p):\n    import math\n    return Point(p.x * scale + math.floor(0.5))")
    notebook.run("jids = cloud.map(f, [Point(1), Point(2)])")
    notebook.run("scale = 5\nlater = cloud.call(f, Point(1))")
    assert notebook.run("print([p.x for p in cloud.result(jids)], cloud.result(later).x)")[0] == "[3, 6] 5\n"


def test_a_traceback_quotes_the_cell(notebook: Notebook) -> None:
    notebook.run("import cloud\ndef fail():\n    raise KeyError('in a cell')")
    text, _ = notebook.run(
        "try:\n    cloud.result(cloud.call(fail))\nexcept cloud.CloudException as error:\n    print(error)"
    )
    assert "raise KeyError('in a cell')" in text


@pytest.mark.parametrize("kind", ["cloud.start_simulator(); module = cloud", "module = cloud.mp"])
def test_private_nodes_start_from_a_cell_and_end_with_the_kernel(kind: str, notebook: Notebook) -> None:
    notebook.run(f"import cloud\n{kind}")
    text, _ = notebook.run("print(module.result(module.call(abs, -1)), module.connection_info()['home'])")
    value, private = text.split()
    assert value == "1"
    notebook.manager.restart_kernel(now=True)
    nothing_is_left_of(private)


@pytest.mark.parametrize("cell", ["cloud.result(jid)", "cloud.view(jid)"])
def test_an_interrupted_cell_ends_the_wait_or_the_view_and_the_job_goes_on(
    cell: str, notebook: Notebook, gate: Path
) -> None:
    notebook.run(
        "import cloud, os, time\n"
        f"def wait():\n    while not os.path.exists({str(gate)!r}): time.sleep(0.005)\n    return 'waited'\n"
        "jid = cloud.call(wait)\ncloud.wait_for.status(jid, 'processing')"
    )
    message = notebook.start(cell)
    time.sleep(1)
    notebook.manager.interrupt_kernel()
    with pytest.raises(AssertionError, match="KeyboardInterrupt"):
        notebook.finish(message)
    assert notebook.run("print(cloud.status(jid))")[0] == "processing\n"
    gate.touch()
    assert notebook.run("print(cloud.result(jid))")[0] == "waited\n"


def test_a_view_is_one_output_that_is_replaced_until_all_have_ended(notebook: Notebook, gate: Path) -> None:
    notebook.run(
        "import cloud, os, time\n"
        "def wait(step):\n"
        "    cloud.job.progress(step, 10, 'waiting')\n"
        f"    while not os.path.exists({str(gate)!r}): time.sleep(0.005)\n"
        "jids = cloud.map(wait, range(2), _label='<night>')"
    )
    message = notebook.start("cloud.view(jids)")
    time.sleep(2)
    gate.touch()
    text, displays = notebook.finish(message)
    assert text == ""
    assert [shown["kind"] for shown in displays] == ["display_data"] + ["update_display_data"] * (len(displays) - 1)
    assert len(displays) >= 3
    assert len({shown["transient"]["display_id"] for shown in displays}) == 1
    first, last = displays[0]["data"], displays[-1]["data"]
    assert "0 of 2 ended" in first["text/html"]
    assert any("10% (1 of 10) waiting" in shown["data"]["text/html"] for shown in displays)
    assert last["text/html"].startswith("<table>")
    assert "&lt;night&gt;" in last["text/html"]
    assert "2 of 2 ended (2 done)" in last["text/html"]
    assert last["text/plain"].endswith("2 of 2 ended (2 done)")
