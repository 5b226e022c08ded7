"""dask.distributed, Ray and Parsl: schedulers that track every job while they run, on this machine alone."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

from contenders.base import Contender, workers

_PATIENCE = 24 * 3600
"""Seconds of silence: a contender that is stopped while others have their turn is not to lose its own processes for it."""


class Dask(Contender):
    """A local cluster of processes with one thread each."""

    def __init__(self) -> None:
        """Start it; it listens on the loopback interface alone."""
        import dask
        from distributed import Client, LocalCluster

        dask.config.set({"distributed.scheduler.worker-ttl": f"{_PATIENCE}s"})
        self._cluster = LocalCluster(
            n_workers=workers(),
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address=None,
            silence_logs=logging.ERROR,
        )
        self._client = Client(self._cluster)

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Get a future; an equal call before must not answer this one."""
        return self._client.submit(function, *arguments, pure=False)

    def result(self, job: Any) -> Any:
        """Wait for it."""
        return job.result()

    def submit_each(self, function: Callable[..., Any], items: Sequence[Any]) -> Sequence[Any]:
        """Map."""
        found: Sequence[Any] = self._client.map(function, items, pure=False)
        return found

    def results(self, jobs: Sequence[Any]) -> list[Any]:
        """Gather."""
        return list(self._client.gather(jobs))

    def close(self) -> None:
        """End the cluster."""
        self._client.close()
        self._cluster.close()


class Ray(Contender):
    """A Ray node with so many CPUs."""

    def __init__(self) -> None:
        """Start it; it listens on the loopback interface alone, and tells nobody."""
        os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
        import ray

        self._ray = ray
        ray.init(
            num_cpus=workers(),
            include_dashboard=False,
            logging_level=logging.ERROR,
            log_to_driver=False,
            _node_ip_address="127.0.0.1",
        )
        self._remote: dict[Callable[..., Any], Any] = {}

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Get a reference."""
        remote = self._remote.get(function)
        if remote is None:
            remote = self._remote[function] = self._ray.remote(function)
        return remote.remote(*arguments)

    def result(self, job: Any) -> Any:
        """Get what it stands for."""
        return self._ray.get(job)

    def results(self, jobs: Sequence[Any]) -> list[Any]:
        """Get what they stand for."""
        return list(self._ray.get(list(jobs)))

    def close(self) -> None:
        """End the node."""
        self._ray.shutdown()


class Parsl(Contender):
    """Parsl's executor for high throughput, with one block of workers on this machine."""

    def __init__(self) -> None:
        """Start it in a folder that goes with it; it listens on the loopback interface alone."""
        import parsl
        from parsl.config import Config
        from parsl.executors import HighThroughputExecutor
        from parsl.providers import LocalProvider

        self._folder = tempfile.TemporaryDirectory(prefix="parsl-")
        self._parsl = parsl
        parsl.load(
            Config(
                executors=[
                    HighThroughputExecutor(
                        address="127.0.0.1",
                        loopback_address="127.0.0.1",
                        max_workers_per_node=workers(),
                        heartbeat_threshold=_PATIENCE,
                        provider=LocalProvider(init_blocks=1, min_blocks=1, max_blocks=1),
                    )
                ],
                run_dir=self._folder.name,
                initialize_logging=False,
                usage_tracking=0,
            )
        )
        self._apps: dict[Callable[..., Any], Callable[..., Any]] = {}

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Get a future."""
        app = self._apps.get(function)
        if app is None:
            app = self._apps[function] = self._parsl.python_app(function)
        return app(*arguments)

    def result(self, job: Any) -> Any:
        """Wait for it."""
        return job.result()

    def close(self) -> None:
        """End the executor."""
        self._parsl.dfk().cleanup()
        self._parsl.clear()
        self._folder.cleanup()
