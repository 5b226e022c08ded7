"""What a process that submits jobs needs: a connection to the node, what travels to it, and what comes back.

The standard library, cloudpickle and (lazily) psutil; never asyncio, LMDB or the node, which is another program.
"""
