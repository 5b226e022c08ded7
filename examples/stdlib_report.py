"""Read the standard library of the running Python with `cloud.map`: one job a module, one more that merges.

Run it with nothing but picloud installed::

    python examples/stdlib_report.py

Every module is parsed by a job of its own; a dependent job collects their findings; the report names how many files and
functions there are, the longest functions, and how the work was spread over the workers.
"""

from __future__ import annotations

import ast
import os
import sys
import sysconfig
import time
from collections import Counter
from pathlib import Path

import cloud


def modules() -> list[str]:
    """Return the source files of the standard library, the largest first: long jobs at the end would leave cores idle."""
    root = Path(sysconfig.get_path("stdlib"))
    skipped = {"site-packages", "dist-packages", "lib2to3", "__pycache__"}
    files = [path for path in root.rglob("*.py") if not skipped.intersection(path.parts)]
    return [str(path) for path in sorted(files, key=lambda path: path.stat().st_size, reverse=True)]


def study(path: str) -> dict[str, object]:
    """Parse one module: how many lines and functions it has, which function is the longest, who did the work."""
    source = Path(path).read_bytes()
    finding: dict[str, object] = {"path": path, "lines": source.count(b"\n"), "worker": os.getpid(), "functions": 0}
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        # Python's own tests hold files that are broken on purpose.
        finding["broken"] = f"{type(error).__name__}: {error}"
        return finding
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    finding["functions"] = len(functions)
    if functions:
        longest = max(functions, key=lambda node: (node.end_lineno or node.lineno) - node.lineno)
        finding["longest"] = ((longest.end_lineno or longest.lineno) - longest.lineno + 1, longest.name)
    return finding


def merge(jids: range) -> dict[str, object]:
    """Merge what the jobs found; it depends on all of them, so their results are there when it starts."""
    findings = cloud.result(jids)
    longest = sorted(
        ((*finding["longest"], finding["path"]) for finding in findings if "longest" in finding), reverse=True
    )
    return {
        "files": len(findings),
        "broken": sum("broken" in finding for finding in findings),
        "lines": sum(finding["lines"] for finding in findings),
        "functions": sum(finding["functions"] for finding in findings),
        "longest": longest[:5],
        "workers": Counter(finding["worker"] for finding in findings),
    }


def show_progress(jids: range) -> None:
    """Keep one line up to date until every job has ended; plain lines where there is no terminal."""
    live = sys.stderr.isatty()
    last = -1
    while True:
        counts = Counter(cloud.status(jids))
        ended = sum(counts[status] for status in cloud.finished_statuses)
        if live or ended == len(jids) or (ended * 4 // len(jids)) != last:
            last = ended * 4 // len(jids)
            parts = ", ".join(f"{number} {status}" for status, number in sorted(counts.items()))
            print(f"\r{ended}/{len(jids)} modules ({parts})   ", end="" if live else "\n", file=sys.stderr, flush=True)
        if ended == len(jids):
            break
        time.sleep(0.1)
    if live:
        print(file=sys.stderr)


def main() -> None:
    """Submit, watch, report."""
    started = time.perf_counter()
    jids = cloud.map(study, modules(), _label="stdlib-report")
    merged = cloud.call(merge, jids, _depends_on=jids, _label="stdlib-report")
    show_progress(jids)
    report = cloud.result(merged)
    seconds = time.perf_counter() - started
    print(f"Python {sys.version.split()[0]}: the standard library, read by jobs {jids.start} to {jids.stop - 1}")
    print(f"  {report['files']} files ({report['broken']} broken on purpose), {report['lines']} lines")
    print(f"  {report['functions']} functions; the longest:")
    for length, name, path in report["longest"]:
        print(f"    {length:5} lines  {name}  in {path}")
    print("  work by worker process:")
    for worker, number in report["workers"].most_common():
        print(f"    {worker:8}  {number:5} modules  {'#' * round(40 * number / report['files'])}")
    print(
        f"  {seconds:.2f} seconds from the first line to the report; `picloud status {jids.start}` still knows the jobs"
    )


if __name__ == "__main__":
    main()
