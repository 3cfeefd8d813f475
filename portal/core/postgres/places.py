"""Where an embedded database lives, and who may do what to it at the same time."""

import fcntl
import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

SOCKET_LIMIT = 85  # a Unix socket's path ends at 107 bytes (103 on macOS), 14 of them are its name


class PostgresError(RuntimeError):
    """The embedded database cannot be used; the text is a sentence for the person at the keyboard."""


@dataclass(frozen=True)
class Cluster:
    """One embedded database: `room` holds locks and log, `home` what the server's account must reach."""

    room: Path
    home: Path

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.room / "server.log"

    @property
    def name(self) -> str:
        """Shown in the title of each of the server's processes, so that orphans are recognised."""
        return "portal-" + hashlib.sha256(os.fsencode(self.data)).hexdigest()[:10]

    @property
    def socket_folder(self) -> Path:
        path = os.fsencode(self.data)
        if len(path) <= SOCKET_LIMIT and b"," not in path:  # a comma separates hosts in a URL
            return self.data
        return Path("/tmp") / f"{self.name}-{os.geteuid()}"  # noqa: S108 - made 0700 and checked


def room_of(data_folder: Path) -> Path:
    room = data_folder.resolve() / "postgres"
    room.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        room.chmod(0o711)  # the server's account passes through, whatever the umask
    return room


def existing(data_folder: Path) -> Cluster | None:
    room = data_folder.resolve() / "postgres"
    return Cluster(room, home_of(room)) if (room / "users").exists() else None


def home_of(room: Path) -> Path:
    """`room` itself, unless the server's account cannot enter it (root's folders): then a folder in /var/lib.

    `room/elsewhere` and `home/room` point at each other, so that a copied, moved or deleted project never
    meets the database of another one.
    """
    if os.geteuid() != 0 or (room / "data").exists() or open_to_all(room):
        return room
    pointer = room / "elsewhere"
    if pointer.exists():
        home = Path(pointer.read_text(encoding="utf-8"))
        back = home / "room"
        if back.exists():
            old = Path(back.read_text(encoding="utf-8"))
            moved = old != room and not (old / "elsewhere").exists()
            if moved:
                back.write_text(str(room), encoding="utf-8")
            if moved or old == room:
                return home
    home = Path(tempfile.mkdtemp(prefix="portal-", dir="/var/lib"))
    home.chmod(0o711)
    (home / "room").write_text(str(room), encoding="utf-8")
    pointer.write_text(str(home), encoding="utf-8")
    return home


def open_to_all(folder: Path) -> bool:
    return all(place.stat().st_mode & stat.S_IXOTH for place in (folder, *folder.parents))


def locked(path: Path, kind: int) -> IO[bytes]:
    try:
        file = path.open("ab")
    except PermissionError:
        raise PostgresError(f"{path.parent} belongs to another account; try another PORTAL_DATA.") from None
    fcntl.flock(file, kind)
    return file


@contextmanager
def gate(room: Path) -> Iterator[None]:
    """One starter or stopper at a time; the kernel opens the gate again when its holder is killed."""
    with locked(room / "gate", fcntl.LOCK_EX):
        yield


def alone(mine: IO[bytes]) -> bool:
    try:
        fcntl.flock(mine, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
