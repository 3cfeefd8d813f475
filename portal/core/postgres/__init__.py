"""The embedded PostgreSQL: for trial, development and tests, where no DATABASE_URL is given.

`start` may be called by any number of processes at once: the first one starts the server, the others attach,
and the last one that ends stops it. Nothing here trusts what a crash left behind:

* each user of the server holds a shared lock on one file, which the kernel frees even after kill -9;
* a process id in postmaster.pid counts only if that process runs our server (ids are reused after a reboot,
  and a dead server stays a zombie where nobody reaps it, in a container for instance);
* the cluster is made beside its place and renamed, so a half-made one is never taken for a whole one.

PostgreSQL refuses to run as root: then its server runs as the owner of an existing cluster, else as nobody.
Anybody who can reach the socket is its superuser; it lies in a folder that only the server's account and root
may enter.

`atexit` does not run on SIGTERM: every entry point turns that signal into `SystemExit`, else the server is
left running (harmless: the next start attaches to it, and the end of that one stops it).
"""

import atexit
import fcntl
import os
from pathlib import Path
from typing import IO

from portal.core.postgres.places import (
    Cluster,
    PostgresError,
    alone,
    existing,
    gate,
    home_of,
    locked,
    room_of,
)
from portal.core.postgres.server import halt, make, postmaster, running, url_of

__all__ = ["PostgresError", "is_running", "release", "start", "stop"]

_held: dict[Path, IO[bytes]] = {}  # room -> the open lock of this process as a user of that server


def start(data_folder: Path) -> str:
    """Make sure that the database of `data_folder` runs, and use it until this process ends.

    Returns a libpq URL to the database `postgres` as superuser `postgres`. Called again, it
    starts a server that died. Raises PostgresError.
    """
    room = room_of(data_folder)
    with gate(room):
        if room not in _held:
            _held[room] = locked(room / "users", fcntl.LOCK_SH)
        cluster = Cluster(room, home_of(room))
        if not (cluster.data / "PG_VERSION").exists():
            make(cluster)
        return url_of(running(cluster))


def is_running(data_folder: Path) -> bool:
    """Whether the database of `data_folder` runs and takes connections. Starts nothing, makes nothing."""
    cluster = existing(data_folder)
    server = postmaster(cluster) if cluster else None
    return server is not None and server.status == "ready"


def stop(data_folder: Path, *, even_if_used: bool = False) -> bool:
    """Stop the database of `data_folder`; False if it did not run.

    Raises PostgresError if another process uses it, unless `even_if_used`.
    """
    cluster = existing(data_folder)
    if cluster is None:
        return False
    with gate(cluster.room):
        mine = _held.pop(cluster.room, None)
        if mine:
            mine.close()
        with (cluster.room / "users").open("ab") as asking:
            if not (alone(asking) or even_if_used):
                if mine:
                    _held[cluster.room] = locked(cluster.room / "users", fcntl.LOCK_SH)
                raise PostgresError("Another process uses the embedded database: stop that one first.")
            return halt(cluster)


def release() -> None:
    """This process needs its databases no longer: the last user stops the server. Runs by itself at exit."""
    for room in list(_held):
        with gate(room), _held.pop(room) as mine:
            if alone(mine):
                halt(Cluster(room, home_of(room)))


def _forget() -> None:
    """A forked child is not a user of its own: it shares the parent's lock, and must not stop the server."""
    for mine in _held.values():
        mine.close()  # the parent's descriptor keeps the lock
    _held.clear()


atexit.register(release)
os.register_at_fork(after_in_child=_forget)
