"""Where and as what a job runs: interpreter, folder, search path, environment."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from typing import Any

EXEC_PREFIXES = ("LD_", "PYTHON")
"""Variables that the loader and the interpreter read only when they start: a supervisor of their own for each set."""

START_PREFIXES = ("OMP_", "MKL_", "OPENBLAS_", "NUMEXPR_", "VECLIB_", "CUDA_", "NVIDIA_", "GOTO_", "KMP_", "TZ")
"""Variables that libraries read once, at import or first use: a fresh worker for each set."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a submission fixes about the process that its items run in."""

    executable: str
    """The client's interpreter, an absolute path."""
    prefix: str
    """Its `sys.prefix`: two virtual environments may share one executable."""
    python: str
    """Its version, 'major.minor'; another one is refused."""
    cwd: str
    """The client's working folder."""
    path: tuple[str, ...]
    """The client's `sys.path`."""
    umask: int
    """The client's file mode mask."""
    environment: tuple[tuple[str, str], ...]
    """The job's whole environment, sorted by name."""
    bundle: str
    """Hash of the project's modules that travel with the job; '' if there are none."""

    def encode(self) -> bytes:
        """Return the JSON form; the same context always gives the same bytes."""
        return json.dumps(asdict(self), sort_keys=True).encode()

    @staticmethod
    def decode(text: bytes | memoryview) -> Context:
        """Rebuild from the JSON form."""
        values: dict[str, Any] = json.loads(bytes(text))
        values["path"] = tuple(values["path"])
        values["environment"] = tuple((name, value) for name, value in values["environment"])
        return Context(**{field.name: values[field.name] for field in fields(Context)})

    def exec_key(self) -> str:
        """Return the key of the supervisor that can serve this context: interpreter and variables read at exec."""
        return _key(self.executable, self.prefix, *_chosen(self.environment, EXEC_PREFIXES))

    def pool_key(self, place: str, core_type: str, cores: int) -> str:
        """Return the key of the workers that can serve this context: the above, place, type, cores, start variables, modules."""
        start = _chosen(self.environment, START_PREFIXES)
        return _key(place, self.exec_key(), core_type, str(cores), self.bundle, *start)


def _chosen(environment: tuple[tuple[str, str], ...], prefixes: tuple[str, ...]) -> list[str]:
    return [f"{name}={value}" for name, value in environment if name.startswith(prefixes)]


def _key(*parts: str) -> str:
    return content_hash("\0".join(parts).encode())


def content_hash(content: bytes | memoryview) -> str:
    """Return the name of content-addressed bytes: BLAKE2b, 20 bytes, as hex."""
    return hashlib.blake2b(content, digest_size=20).hexdigest()
