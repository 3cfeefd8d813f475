"""Idempotency-Key: the same key and body answer what they answered the first time, and do nothing twice (API.md).

A key is held by an advisory lock of the transaction that does the work, so that a process killed in the middle leaves
nothing behind; the answer is written in that same transaction. Refusals (4xx) are rolled back, their answer is kept
through a second connection. 401, 403, 429 and 5xx are not kept.
"""

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta

from flask import Response, request
from sqlalchemy import BigInteger, DateTime, Integer, LargeBinary, Text, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from portal.core import clock
from portal.core.db import Base, Walled, db, outside
from portal.core.errors import Conflict, FieldError, Invalid
from portal.core.texts import lazy

KEPT = timedelta(hours=24)
LONGEST = 255
NOT_KEPT = {401, 403, 429}


class IdempotencyKey(Walled, Base):
    __tablename__ = "idempotency_key"
    token_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    method: Mapped[str] = mapped_column(Text, primary_key=True)
    path: Mapped[str] = mapped_column(Text, primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    body_hash: Mapped[str] = mapped_column(Text)
    status: Mapped[int] = mapped_column(Integer)
    mimetype: Mapped[str] = mapped_column(Text)
    answer: Mapped[bytes] = mapped_column(LargeBinary)
    at: Mapped[object] = mapped_column(DateTime(timezone=True))


def _body_hash() -> str:
    """Parsed fields and the files' hashes: the same body in another multipart boundary is the same."""
    digest = hashlib.sha256()
    if request.mimetype == "multipart/form-data":
        for name, value in sorted(request.form.items(multi=True)):
            digest.update(f"{name}={value}\n".encode(errors="replace"))
        for name, sent in sorted(request.files.items(multi=True)):
            content = sent.stream.read()
            sent.stream.seek(0)
            digest.update(f"{name}={hashlib.sha256(content).hexdigest()}\n".encode())
    else:
        body = request.get_data() or b"{}"  # no body at all has no fields either
        digest.update(_written_one_way(body) if request.is_json else body)
    return digest.hexdigest()


def _written_one_way(body: bytes) -> bytes:
    """JSON without its blanks and in one order; what is none, or is nested too deep, counts as its bytes."""
    try:
        return json.dumps(json.loads(body), sort_keys=True).encode()
    except (ValueError, RecursionError):
        return body


def once(
    token_id: int, network_id: int, unit_path: str, work: Callable[[], Response]
) -> tuple[Response, bool]:
    """Do `work` once for this key; gives the answer, and whether it is a repetition. Raises Conflict or Invalid."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return work(), False
    if not 0 < len(key) <= LONGEST or not key.isprintable():
        detail = lazy("An Idempotency-Key has 1 to 255 printable characters.")
        raise Invalid("invalid_idempotency_key", detail, [FieldError("/Idempotency-Key", "invalid", detail)])
    place = {"token_id": token_id, "method": request.method, "path": request.path, "key": key}
    lock = hashlib.sha256(repr(sorted(place.items())).encode()).digest()[:8]
    number = int.from_bytes(lock, "big", signed=True)
    if not db.session.scalar(db.text("SELECT pg_try_advisory_xact_lock(:n)"), {"n": number}):
        raise Conflict("in_progress", lazy("The first request with this Idempotency-Key is still running."))
    body_hash = _body_hash()
    kept = db.session.scalar(
        select(IdempotencyKey).filter_by(**place).where(IdempotencyKey.at > clock.now() - KEPT)
    )
    if kept is not None:
        if kept.body_hash != body_hash:
            detail = lazy("This Idempotency-Key was used with another body.")
            raise Invalid("idempotency_key_reused", detail)
        return Response(kept.answer, status=kept.status, mimetype=kept.mimetype), True
    response = work()
    if response.status_code >= 500 or response.status_code in NOT_KEPT:
        return response, False
    row = {
        **place,
        "network_id": network_id,
        "unit_path": unit_path,
        "body_hash": body_hash,
        "status": response.status_code,
        "mimetype": response.mimetype or "application/json",
        "answer": response.get_data(),
        "at": clock.now(),
    }
    keep = insert(IdempotencyKey).values(row)
    keep = keep.on_conflict_do_update(
        index_elements=["token_id", "method", "path", "key"],
        set_={name: keep.excluded[name] for name in ("body_hash", "status", "mimetype", "answer", "at")},
    )
    if response.status_code < 400:
        db.session.execute(keep)
    else:
        with outside() as connection:
            connection.execute(keep)
    return response, False


def forget_old() -> None:
    """Headquarters' scope: drop the answers that are older than a day."""
    db.session.execute(delete(IdempotencyKey).where(IdempotencyKey.at < clock.now() - KEPT))
