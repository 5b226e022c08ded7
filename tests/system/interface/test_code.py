"""Which code a job runs, and how it is told from the client's: by programs of their own."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., str]


@pytest.fixture
def run(home: Path, tmp_path: Path) -> Run:
    """Run a main program in a folder of its own, and return what it printed."""

    def run(text: str, *arguments: str, **files: str) -> str:
        for name, content in {"main": text, **files}.items():
            path = tmp_path / f"{name.replace('DOT', '/')}.py"
            path.parent.mkdir(exist_ok=True)
            path.write_text(textwrap.dedent(content))
        result = subprocess.run(
            [sys.executable, *(arguments or ["main.py"])],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    return run


def test_the_main_program_goes_by_value(run: Run) -> None:
    text = """
        import cloud
        FACTOR = 3
        class Thing:
            def __init__(self, n): self.n = n
            def __eq__(self, other): return self.n == other.n
        def scaled(thing): return Thing(thing.n * FACTOR)
        value = cloud.result(cloud.call(scaled, Thing(2)), timeout=30)
        print(value == Thing(6), type(value) is Thing, isinstance(value, Thing))
    """
    assert run(text) == "True True True\n"


def test_modules_of_the_project_travel(run: Run) -> None:
    text = """
        import cloud, os, shutil, time
        import one
        from pkg import two
        held = cloud.call(time.sleep, 0.5)
        jids = [cloud.call(one.f, _depends_on=held), cloud.call(two.g, 5, _depends_on=held)]
        for name in ('one.py', 'lazy.py'): os.unlink(name)
        shutil.rmtree('pkg')
        print(cloud.result(jids, timeout=30))
    """
    out = run(
        text,
        one="def f():\n    import lazy\n    return lazy.NAME\n",
        lazy="NAME = 'lazy'\n",
        pkgDOT__init__="",
        pkgDOTtwo="from . import three\ndef g(x):\n    return three.h(x)\n",
        pkgDOTthree="def h(x):\n    return x + 1\n",
    )
    assert out == "['lazy', 6]\n"


def test_edited_code_runs_at_once(run: Run) -> None:
    main = """
        import cloud
        import mod
        print(cloud.result(cloud.call(mod.f), timeout=30))
    """
    assert run(main, mod="def f():\n    return 1\n") == "1\n"
    assert run(main, mod="def f():\n    return 2\n") == "2\n"


def test_a_queued_job_runs_the_code_of_its_submission(run: Run, tmp_path: Path) -> None:
    main = """
        import cloud, sys, time, os
        import mod
        if len(sys.argv) > 1:
            print(cloud.result(int(sys.argv[1]), timeout=30))
        else:
            gate = cloud.call(mod.hold)
            print(cloud.call(mod.f, _depends_on=gate))
    """
    mod = """
        import os, time
        def hold():
            while not os.path.exists('gate'): time.sleep(0.01)
        def f():
            import inner
            return inner.VALUE
    """
    jid = run(main, mod=mod, inner="VALUE = 'old'\n").strip()
    (tmp_path / "inner.py").write_text("VALUE = 'new'\n")
    (tmp_path / "gate").write_text("")
    assert run(main, "main.py", jid, mod=mod, inner="VALUE = 'new'\n") == "old\n"


def test_tracebacks_have_the_lines_that_ran(run: Run, tmp_path: Path) -> None:
    main = """
        import cloud
        import mod
        def local(x):
            return mod.f(x)  # in the main program
        jid = cloud.call(local, 0)
        open('mod.py', 'w').write('# nothing\\n' * 10)
        open('main.py', 'w').write('# nothing\\n' * 10)
        try:
            cloud.result(jid, timeout=30)
        except cloud.CloudException as error:
            print(error.parameter)
    """
    out = run(main, mod="def f(x):\n    return 1 / x  # in the module\n")
    assert "return mod.f(x)  # in the main program" in out
    assert "return 1 / x  # in the module" in out
    assert f'File "{tmp_path}/mod.py", line 2, in f' in out


def test_an_interactive_program(run: Run) -> None:
    """As `python -c` and a prompt are: no file has the source."""
    text = """
        import cloud, linecache
        from picloud.model import bundle
        cell = 'def f(x):\\n    import helper\\n    return helper.half(1 / x)  # in a cell\\n'
        bundle.quote('<cell 1>', cell)
        exec(compile(cell, '<cell 1>', 'exec'))
        print(cloud.result(cloud.call(f, 2), timeout=30))
        try:
            cloud.result(cloud.call(f, 0), timeout=30)
        except cloud.CloudException as error:
            print(error.parameter)
    """
    out = run(text, helper="def half(x):\n    return x / 2\n")
    assert out.startswith("0.25\n")
    assert "return helper.half(1 / x)  # in a cell" in out


def test_a_module_run_as_main(run: Run) -> None:
    text = """
        import cloud
        def f(x):
            from . import part
            return part.g(x)
        if __name__ == '__main__':
            print(cloud.result(cloud.call(f, 1), timeout=30))
    """
    out = run("", "-m", "app.start", appDOT__init__="", appDOTstart=text, appDOTpart="def g(x): return x + 10\n")
    assert out == "11\n"


def test_jobs_outlive_their_client(run: Run) -> None:
    jid = run("import cloud\nprint(cloud.call(lambda: 'kept'))\n").strip()
    assert run(f"import cloud\nprint(cloud.result({jid}, timeout=30), cloud.status({jid}))\n") == "kept done\n"


def test_nested_jobs_know_the_project(run: Run) -> None:
    main = """
        import cloud
        import mod
        print(cloud.result(cloud.call(mod.outer, 3), timeout=40))
    """
    mod = """
        import os
        def outer(n):
            import cloud
            assert cloud.running_on_cloud()
            return 'leaf' if n == 0 else cloud.result(cloud.call(outer, n - 1))
    """
    assert run(main, mod=mod) == "leaf\n"


def test_the_environment_of_the_client(run: Run, tmp_path: Path) -> None:
    main = """
        import cloud, os, sys
        os.umask(0o027)
        os.mkdir('below'); os.chdir('below')
        sys.path.append('/somewhere')
        def facts():
            mask = os.umask(0)
            os.umask(mask)
            return os.getcwd(), sys.path[-1], mask, sys.executable
        print(cloud.result(cloud.call(facts), timeout=30) == (os.getcwd(), '/somewhere', 0o027, sys.executable))
    """
    assert run(main) == "True\n"


def test_a_program_ends_quietly(home: Path, tmp_path: Path) -> None:
    """Open connections, threads with their own, a pending iterator: nothing is said at the end, with every warning on."""
    (tmp_path / "main.py").write_text(
        "import cloud, threading\n"
        "results = cloud.iresult(cloud.map(abs, range(5)))\n"
        "next(results)\n"
        "thread = threading.Thread(target=lambda: cloud.result(cloud.call(abs, 1)))\n"
        "thread.start(); thread.join()\n"
    )
    result = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "main.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
