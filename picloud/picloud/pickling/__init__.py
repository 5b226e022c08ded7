"""Values as bytes, for client and worker alike: cloudpickle's pickler, and which part of a value it refuses.

The node imports nothing of this: payloads are opaque to it.
"""
