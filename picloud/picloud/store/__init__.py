"""The node's memory: one LMDB environment, and the files that its records name.

Only the node opens it, under the home's lock.  Nothing else in picloud imports lmdb; msgspec stays in `codec`.

::

    <home>/store/meta/          the LMDB environment (mode 0700, files 0600)
    <home>/store/starts.json    how the last starts went, readable before the environment is opened
    <home>/segments/            large payloads, one immutable file each; incoming/ holds what is not accepted yet
    <home>/spool/               output of jobs
"""
