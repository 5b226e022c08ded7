"""The nouns: jobs, arrays, statuses, causes, ends, contexts, settings.

Pure: the standard library alone, no I/O, no clock.  Workers on other hosts import it, so it must stay small.
"""
