"""`cloud`'s job functions on a private node: nothing of it is left when this process ends, or after `close`.

The node is the same program as ever, on a temporary home, running as many jobs at a time as the setting `num_procs` says (0: one
for each CPU).  Jobs survive no power cut, since nothing is synced to disk.  Its jids go on from those of the simulator, and of
nodes that were closed.  Inside a job, these functions talk to the job's own node.
"""

from __future__ import annotations

from cloud import _nodes
from cloud._jobs import Jobs
from picloud.model.job import FINISHED

jobs = Jobs(
    "cloud.mp",
    "jobs",
    lambda: _nodes.open_private("Multiprocessing"),
    lambda: _nodes.describe_private("multiprocessing"),
)
"""What these functions are methods of."""

call = jobs.call
map = jobs.map  # noqa: A001 - PiCloud named it so
join = jobs.join
status = jobs.status
result = jobs.result
iresult = jobs.iresult
iresult_unordered = jobs.iresult_unordered
info = jobs.info
view = jobs.view
kill = jobs.kill
delete = jobs.delete
connection_info = jobs.connection_info
close = jobs.close

finished_statuses = [str(status) for status in FINISHED]
"""Statuses that never change again."""

c1, c2, f2, m1, s1 = "c1", "c2", "f2", "m1", "s1"

__all__ = [
    "c1",
    "c2",
    "call",
    "close",
    "connection_info",
    "delete",
    "f2",
    "finished_statuses",
    "info",
    "iresult",
    "iresult_unordered",
    "join",
    "kill",
    "m1",
    "map",
    "result",
    "s1",
    "status",
    "view",
]
