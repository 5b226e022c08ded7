"""picloud and its peers, each in a process of its own: `process` is what runs there, `handle` what asks it."""
