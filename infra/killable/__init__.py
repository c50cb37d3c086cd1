"""Processes that answer questions about untrusted bytes, and can be killed when they are stuck.

`pool.py` is the platform's end; a child's module calls `serving.serve`. Children hold no secret
and no file, and are bounded in time and memory by the kernel as well.
"""
