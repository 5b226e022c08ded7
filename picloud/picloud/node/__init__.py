"""The node: the daemon that keeps jobs and hands them to places.  Started by command line, never imported by clients."""
