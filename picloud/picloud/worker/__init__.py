"""Supervisors and workers: the processes that run jobs.

They run in the client's interpreter, on this machine or another, so this room needs the standard library, cloudpickle and
multiprocess alone, and of picloud the rooms model and wire and the error tree.
"""
