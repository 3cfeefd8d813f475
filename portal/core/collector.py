"""Python's search for reference cycles, put off while millions of cells are made."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def put_off() -> Iterator[None]:
    """No search for cycles inside (a context or a decorator): cells make none, but each search looks at all of them.

    What is no longer used is freed as ever. Where threads do this at once, it is on again when the first of them ends.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
