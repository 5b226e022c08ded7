"""What a stranger may import to extend picloud: the interfaces behind the entry-point group `picloud`.

A plugin is a module, named in its distribution's metadata::

    [project.entry-points.picloud]
    lighthouse = "picloud_lighthouse"

and defines functions named as in `picloud.hooks.specs`. It needs no decorator and no base class. Beside this package it may
import `picloud.model`, `picloud.exceptions` and, in its tests, `picloud.testing`.
"""

from picloud.hooks.place import FD, Place, PlaceCapabilities, SupervisorSpec, SupervisorStream

__all__ = ["FD", "Place", "PlaceCapabilities", "SupervisorSpec", "SupervisorStream"]
