"""Which items run where and when: a state machine that events go into and effects come out of.

Pure: no I/O, no clock, no randomness; the same events at the same times always give the same effects.  Its unit is the array
and the chunk, so a chunk of a thousand no-ops costs as much as a chunk of one.

::

    Event ──▶ machine.Scheduler.handle(event, now) ──▶ [Effect, ...]
                 │ kills  losses          what ended, what goes back to the queue
                 │ ledger                 the tables, and the moves that keep their sums right
                 └ placement  stealing    who runs next, whose chunk is cut short

A new event is a class in `events`, one line in the table of `machine.Scheduler` and a function beside its kin; a new effect is
a class in `effects` and a line in the node's table.
"""
