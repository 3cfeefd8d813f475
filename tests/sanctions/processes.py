"""Verbs in processes of their own: many at once, and killed by kill -9 in between."""

import multiprocessing
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from portal.access import Actor, act_as
from portal.app import Portal
from portal.core.db import db, finish, look_as
from portal.core.errors import PortalError

FORK = multiprocessing.get_context("fork")
LONGEST = 120
"""Seconds that a child may take on a busy machine."""
Work = Callable[[], object]


def of(actor: Actor, verb: Callable[..., object], *args: object, **kwargs: object) -> Work:
    """A verb as this actor."""

    def work() -> object:
        act_as(actor)
        look_as(actor.scope)
        return verb(actor, *args, **kwargs)

    return work


def _child(app: Portal, work: Work, ready: Any, answer: Connection, fatal: str) -> None:
    """What a child does: its own connections, one transaction, its answer or the code of the refusal."""
    with app.app_context():
        db.engine.dispose(close=False)  # the parent's connections stay the parent's
        ready.wait(LONGEST)
        try:
            work()
            if fatal == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            finish(good=True)
            if fatal == "after":
                os.kill(os.getpid(), signal.SIGKILL)
            said = "done"
        except PortalError as refusal:
            finish(good=False)
            said = refusal.code
        answer.send(said)
    os._exit(0)


def at_once(app: Portal, count: int, work: Work) -> Counter[str]:
    """The same work in so many processes at the same moment; gives how often each answer came."""
    ready = FORK.Barrier(count)
    children = [_started(app, work, ready, "") for _ in range(count)]
    found = Counter(pipe.recv() if pipe.poll(LONGEST) else "no answer" for _, pipe in children)
    for child, _ in children:
        child.join(LONGEST)
    return found


def _started(app: Portal, work: Work, ready: Any, fatal: str) -> tuple[Any, Connection]:
    receiving, sending = FORK.Pipe(duplex=False)
    child = FORK.Process(target=_child, args=(app, work, ready, sending, fatal), daemon=True)
    child.start()
    sending.close()
    return child, receiving


def killed(app: Portal, work: Work, moment: str) -> None:
    """Begin the work in a process and kill -9 it: `before` its commit, `after` it, or after a random time ('r7': the
    seed)."""
    ready = FORK.Barrier(2)
    child, _ = _started(app, work, ready, moment)
    ready.wait(LONGEST)
    if moment.startswith("r"):
        time.sleep(random.Random(moment).uniform(0, 0.12))
        os.kill(child.pid, signal.SIGKILL)
    child.join(LONGEST)
    assert not child.is_alive()


def moments(seeds: int) -> list[str]:
    return ["before", "after", *(f"r{seed}" for seed in range(seeds))]
