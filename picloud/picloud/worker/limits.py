"""When a worker has to go after a chunk, so that what a job left in it harms nobody: told in words, or '' if it may stay."""

from __future__ import annotations

import _thread
import functools
import os
import resource
import site
import sys
import sysconfig
import threading

from picloud.worker import processes

_PAGE = os.sysconf("SC_PAGE_SIZE")
_GRACE = 0.005
"""Seconds that a child gets to end, such as one whose output was read to its end: less than another worker costs."""
_LEAST = 256 << 20


def memory_bound() -> int:
    """Return the bytes of private memory above which an idle worker is not kept: half its share of the machine's."""
    total = os.sysconf("SC_PHYS_PAGES") * _PAGE
    return max(_LEAST, total // (os.cpu_count() or 1) // 2)


class Watch:
    """Looks at one worker after each chunk."""

    __slots__ = ("_bound", "_files", "_looked", "_roots")

    def __init__(self, bound: int | None = None) -> None:
        """Take everything that is loaded now as belonging here; `bound` is the bytes of private memory that it may keep."""
        self._bound = memory_bound() if bound is None else bound
        self._roots = library_roots()
        self._looked = set(sys.modules)
        self._files: dict[str, tuple[int, int]] = {}

    def reason(self) -> str:
        """Return why the worker has to go, or ''."""
        if processes.has_children(_GRACE):
            return "a job left a child process"
        if _thread._count() and any(  # noqa: SLF001 - the one cheap way to ask
            not thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread()
        ):
            return "a job left a thread"
        # The peak is cheap to ask for, and most workers never come near.
        if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 > self._bound:
            private = _private_memory()
            if private > self._bound:
                return f"it holds {private >> 20} MiB of memory"
        self._note_modules()
        return ""

    def changed_module(self) -> str:
        """Return the file of a module that a job imported from the disk and that was edited since, or ''."""
        return next((file for file, seen in self._files.items() if _stamp(file) != seen), "")

    def _note_modules(self) -> None:
        """Remember time and size of project modules that came from the disk by other means than the bundle."""
        if len(sys.modules) == len(self._looked):
            return
        for name in sys.modules.keys() - self._looked:
            self._looked.add(name)
            module = sys.modules.get(name)
            loader = type(getattr(module, "__loader__", None)).__module__
            file = getattr(module, "__file__", None)
            if isinstance(file, str) and loader != "picloud.worker.sources" and not file.startswith(self._roots):
                stamp = _stamp(file)
                if stamp is not None:
                    self._files[file] = stamp


def _private_memory() -> int:
    """Return the bytes that are this process's own: resident and not backed by a file, so that mapped segments do not count."""
    descriptor = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
    try:
        fields = os.read(descriptor, 128).split()
    finally:
        os.close(descriptor)
    return (int(fields[1]) - int(fields[2])) * _PAGE


def _stamp(file: str) -> tuple[int, int] | None:
    try:
        found = os.stat(file)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


@functools.cache
def library_roots() -> tuple[str, ...]:
    """Return the folders whose modules do not change under a running program: standard library and installed packages."""
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    found = {sysconfig.get_paths()[name] for name in names} | set(site.getsitepackages())
    if site.ENABLE_USER_SITE:
        found.add(site.getusersitepackages())
    found |= {os.path.realpath(folder) for folder in found}
    return tuple(sorted(folder + os.sep for folder in found))
