"""What travels between processes: frames, messages, payloads and descriptors.  The standard library alone."""
