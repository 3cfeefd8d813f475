"""Contents by their SHA-256, written once, on disk before anybody is told so.

A folder of files and not a library's object store: the promise is that what was acknowledged survives a power cut,
and that needs fsync of file and folder, which those do not give (docs/decisions).
"""

import hashlib
import os
import time
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from flask import current_app


def _place(network_id: int, sha256: str) -> Path:
    folder: Path = current_app.config["STORAGE"]
    return folder / str(network_id) / sha256[:2] / sha256


def put(network_id: int, content: bytes) -> str:
    """Keep `content` for a network; gives its SHA-256 in hex. Raises OSError when the disk does not take it."""
    sha256 = hashlib.sha256(content).hexdigest()
    place = _place(network_id, sha256)
    if place.exists():
        return sha256
    place.parent.mkdir(parents=True, exist_ok=True)
    fresh = place.with_name(f".{uuid4().hex}")
    try:
        with fresh.open("xb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        fresh.rename(place)
    finally:
        fresh.unlink(missing_ok=True)
    folder = os.open(place.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return sha256


def get(network_id: int, sha256: str) -> bytes:
    """The content kept under this hash. Raises FileNotFoundError, or OSError when it was changed on disk."""
    content = _place(network_id, sha256).read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise OSError(f"stored content {sha256} was changed on disk")
    return content


# --- aside: what one process hands to another, and may be lost -------------------------------------------------------

_ASIDE_FOR = 24 * 3600  # seconds; what is older was forgotten by a process that died


def put_aside(name: str, content: bytes) -> None:
    """Hand `content` to another process under `name`. Not promised to be there: whoever takes it can do without.

    Nothing is raised when the disk does not take it.
    """
    place = _aside(name)
    fresh = place.with_name(f".{uuid4().hex}")
    with suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        for old in place.parent.iterdir():
            if old.stat().st_mtime < time.time() - _ASIDE_FOR:
                old.unlink(missing_ok=True)
        fresh.write_bytes(content)
        fresh.rename(place)
    with suppress(OSError):
        fresh.unlink(missing_ok=True)


def look_aside(name: str) -> bytes | None:
    """What was put aside under `name`, if it is still there."""
    try:
        return _aside(name).read_bytes()
    except OSError:
        return None


def drop_aside(name: str) -> None:
    """It is not needed any more."""
    with suppress(OSError):
        _aside(name).unlink(missing_ok=True)


def _aside(name: str) -> Path:
    folder: Path = current_app.config["STORAGE"]
    return folder / "aside" / name
