"""A file that waits on the mapping page: kept for two hours under a name that only its sender's form carries.

It is no customer file yet: nothing in the database knows it, and whoever comes back too late picks it again.
"""

import time
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

from flask import current_app
from itsdangerous import BadSignature, URLSafeTimedSerializer

from portal.access import Actor

KEPT = 2 * 3600  # seconds


def _folder() -> Path:
    storage: Path = current_app.config["STORAGE"]
    return storage.parent / "held"


def _signer(actor: Actor) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.secret_key or "", salt=f"held-{actor.membership_id}")


def hold(actor: Actor, name: str, content: bytes) -> str:
    """Keep a file for a while; gives the ticket that fetches it again."""
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    key = f"{actor.network_id}-{sha256(content).hexdigest()}"
    fresh = folder / f".{uuid4().hex}"
    fresh.write_bytes(content)
    fresh.replace(folder / key)
    ticket = _signer(actor).dumps([key, name])
    return str(ticket)


def fetch(actor: Actor, ticket: str) -> tuple[str, bytes] | None:
    """(name, content) of a ticket; None where it is too old, another's, or the file is gone."""
    try:
        key, name = _signer(actor).loads(ticket, max_age=KEPT)
        return name, (_folder() / key).read_bytes()
    except (BadSignature, OSError, ValueError, TypeError):
        return None


def drop(actor: Actor, ticket: str) -> None:
    """It was taken in, or is not wanted any more."""
    try:
        key, _ = _signer(actor).loads(ticket, max_age=KEPT)
    except (BadSignature, ValueError, TypeError):
        return
    (_folder() / key).unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    """Forget what nobody came back for."""
    oldest = time.time() - KEPT
    for path in folder.iterdir():
        try:
            if path.stat().st_mtime < oldest:
                path.unlink(missing_ok=True)
        except OSError:  # another process was faster
            continue
