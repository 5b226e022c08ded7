"""Jobs on this machine: a place that starts supervisors as local processes."""
