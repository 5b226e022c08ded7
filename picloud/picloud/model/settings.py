"""Every setting of the runtime: one record, its defaults, and how text becomes a value.

Each field is `PICLOUD_<NAME>` in the environment and `cloud.config.<name>` in Python; PiCloud's own names are kept (API §12).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any

from picloud.exceptions import ArgumentValueError

PREFIX = "PICLOUD_"
"""What precedes a setting's name in the environment."""


class Durability(StrEnum):
    """What a job that was acknowledged survives."""

    POWER = "power"
    """A power cut: every group of commits is synced to disk."""
    PROCESS = "process"
    """Any killed process, not a power cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings record."""

    home: str = ""
    """Folder of the node; '' is `~/.picloud`."""
    durability: Durability = Durability.POWER
    """What an acknowledged job survives."""
    cpus: str = ""
    """CPUs that jobs may use: a count or a list such as '0-3,6'; '' is all that the machine has."""
    idle_time: float = 900.0
    """Seconds without work and clients after which the node ends; 0 or less: never."""
    pass_env: str = ""
    """Names of further environment variables that jobs inherit, separated by commas or spaces; a trailing * is a prefix."""
    max_transmit_data: int = 0
    """Largest function, argument or result in bytes; 0 is no limit."""
    max_output: int = 1_000_000
    """Bytes of stdout and of stderr kept a job: half from the head, half from the tail."""
    disk_reserve: int = 256_000_000
    """Bytes of disk kept free for results: below it new submissions are refused."""
    blocked_jobs: int = 256
    """How many jobs may wait inside for other jobs at a time."""
    use_simulator: bool = False
    """Whether `import cloud` talks to a private node on a temporary store."""
    num_procs: int = 0
    """Processes of `cloud.mp` and the simulator; 0 is one for each CPU."""
    api_key: str = "None"
    """Key for another machine's node; not needed on one's own."""
    api_secretkey: str = "None"
    """The key's secret."""
    log_level: str = "INFO"
    """Least level of what the node's log and `cloud.log` take."""
    print_log_level: str = "ERROR"
    """Least level of what a client says on stderr, where its program has not set up logging itself."""
    save_log: bool = False
    """Whether clients keep a log, and the logs of `cloud.mp`'s and the simulator's nodes are kept."""
    log_filename: str = "cloud.log"
    """File of the clients' log, in the home."""
    serialize_logging: bool = False
    """Whether clients report what of functions, arguments and results travels."""
    force_serialize_logging: bool = False
    """Whether the simulator's client does so in any case."""
    serialize_logging_path: str = "datalogs/"
    """Folder, in the home, of those reports and of the logs of private nodes."""
    purge_days: int = 7
    """Days after which reports and logs of private nodes are removed, when the next folder of them is made."""
    automatic_dependency_transfer: bool = True
    """Whether the project's own modules travel with a job."""
    cloud_status_cache_size: int = 65536
    """Jobs whose final status a client remembers once it has asked for it, for questions about few jobs; 0 is none."""
    cloud_result_cache_size: int = 4096
    """Kilobytes of results of single jobs that a client remembers; 0 is none."""

    def changed(self, **values: object) -> Settings:
        """Return a copy with values changed, each coerced to its field's type.

        Raises:
            ArgumentValueError: for an unknown name, or a value that cannot be coerced.
        """
        return replace(self, **{name: coerce(name, value) for name, value in values.items()})


NAMES: tuple[str, ...] = tuple(field.name for field in fields(Settings))
"""Names of all settings."""

_DEFAULTS = Settings()
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_ALLOWED = {"durability": tuple(Durability), "log_level": _LEVELS, "print_log_level": _LEVELS}
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off", ""})


def coerce(name: str, value: object) -> Any:
    """Return a value in the type of the setting `name`; text is read as people write it.

    Raises:
        ArgumentValueError: naming the setting, the value and what is allowed.
    """
    if name not in NAMES:
        raise ArgumentValueError(f"There is no setting {name!r}; settings are {', '.join(NAMES)}")
    default = getattr(_DEFAULTS, name)
    try:
        if isinstance(default, bool):
            return _boolean(value)
        if isinstance(default, Durability):
            return Durability(str(value))
        if name in _ALLOWED:
            return _one_of(str(value).strip().upper(), _ALLOWED[name])
        return type(default)(value)
    except (TypeError, ValueError, OverflowError) as error:
        allowed = " or ".join(_ALLOWED[name]) if name in _ALLOWED else type(default).__name__
        raise ArgumentValueError(
            f"The setting {name} (or {PREFIX}{name.upper()}) cannot be {value!r}; it is {allowed}"
        ) from error


def _one_of(text: str, allowed: tuple[str, ...]) -> str:
    if text not in allowed:
        raise ValueError(text)
    return text


def _boolean(value: object) -> bool:
    text = str(value).strip().lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError(text)


def from_environment(environment: Mapping[str, str], base: Settings | None = None) -> Settings:
    """Return the settings that `PICLOUD_<NAME>` variables describe on top of `base`.

    Raises:
        ArgumentValueError: for a value that cannot be coerced.
    """
    named = {name: environment[PREFIX + name.upper()] for name in NAMES if PREFIX + name.upper() in environment}
    return (base or _DEFAULTS).changed(**named)
