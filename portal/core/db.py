"""The database: one session, whose every transaction states whose eyes it has.

`commit` stands in this file alone. One request or job is one transaction: `finish` commits or rolls back; what must
outlive a refusal goes through `outside`.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from select import POLLIN, poll
from typing import Any, TypeVar
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import psycopg
from flask_sqlalchemy import SQLAlchemy
from psycopg.pq import TransactionStatus
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Connection,
    Enum,
    Executable,
    Identity,
    MetaData,
    Text,
    event,
)
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, SessionTransaction, mapped_column
from sqlalchemy.pool import Pool

from portal.core import scope as eyes
from portal.core.scope import Scope, current_scope

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
APP_ROLE = "portal_app"
OWNER_ROLE = "portal_owner"
STATE_SCOPE = (
    "SELECT set_config('portal.network', %(network)s, true), "
    "set_config('portal.scope_from', %(low)s, true), set_config('portal.scope_to', %(high)s, true)"
)  # true: this transaction only
MOVING = 7_201_005
"""Advisory lock: each transaction shares it from its first moment, and a unit that moves has it alone.

Else a request that was at work with a unit's old path would write rows below it after they were moved.
"""
BEGIN = STATE_SCOPE.replace("SELECT", f"SELECT pg_advisory_xact_lock_shared({MOVING}),", 1)
_BY_ITSELF = "the first statement tells"  # in session.info, while `found_with_eyes` carries it out
_READ = "read once in the transaction"  # in session.info
_STATED = (
    "scope of the transaction"  # in session.info: what PostgreSQL was told last, so that it is not told twice
)

T = TypeVar("T")


def word_of(words: type[StrEnum]) -> Enum:
    """The type of a column that holds one of these words: text in the database, the word itself when read.

    A plain `Text` would give a string, and `is` would say no to it without a sound.
    """
    return Enum(
        words,
        native_enum=False,
        create_constraint=False,
        values_callable=lambda found: [each.value for each in found],
    )


def one_of(column: str, words: type[StrEnum]) -> CheckConstraint:
    """The database's own word on what such a column holds."""
    return CheckConstraint(f"{column} IN ({', '.join(repr(each.value) for each in words)})", name=column)


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMES)


class Keyed:
    """An identity of its own; tables of a network add UNIQUE (network_id, id) for composite foreign keys."""

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)


class Walled:
    """A row of a network: it carries its network and its unit's path, and row-level security looks at both."""

    network_id: Mapped[int] = mapped_column(BigInteger)
    unit_path: Mapped[str] = mapped_column(Text(collation="C"))


db = SQLAlchemy(
    model_class=Base, session_options={"expire_on_commit": False, "join_transaction_mode": "create_savepoint"}
)


def _settings(scope: Scope) -> dict[str, str]:
    return {
        "network": "" if scope.network is None else str(scope.network),
        "low": scope.low,
        "high": scope.high,
    }


@event.listens_for(Session, "after_begin")
def state_whose_eyes(session: Session, transaction: SessionTransaction, connection: Connection) -> None:
    if not session.info.get(_BY_ITSELF):
        _state(connection, session, current_scope(), BEGIN)


def _state(connection: Connection, session: Session, scope: Scope, how: str = STATE_SCOPE) -> None:
    connection.exec_driver_sql(how, _settings(scope))
    session.info[_STATED] = scope


@event.listens_for(Session, "after_soft_rollback")
def forget_whose_eyes(session: Session, previous: SessionTransaction) -> None:
    """A rollback, also one to a savepoint, takes back what was stated since."""
    session.info.pop(_STATED, None)


def plain_rows(statement: Executable, given: Mapping[str, Any] | None = None) -> Sequence[Any]:
    """All rows of a statement of plain columns, without the session's way around entities: what each page asks."""
    return db.session.connection().execute(statement, given).all()


def once(name: str, key: Hashable, read: Callable[[], T]) -> T:
    """What `read` gives, read once a transaction and network: what many places of a request ask for.

    Whoever changes it in this transaction calls `changed(name)`.
    """
    kept = db.session.info.setdefault(_READ, {}).setdefault(name, {})
    place = (current_scope().network, key)
    if place not in kept:
        kept[place] = read()
    found: T = kept[place]
    return found


def changed(name: str) -> None:
    """What `once` keeps under this name is read anew."""
    db.session.info.get(_READ, {}).pop(name, None)


@event.listens_for(Session, "after_transaction_end")
def forget_what_was_read(session: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        session.info.pop(_READ, None)


@event.listens_for(Pool, "checkout")
def refuse_hung_up(connection: "psycopg.Connection[Any]", record: Any, proxy: Any) -> None:
    """A server that went away has closed its end, which shows without asking: a ping is a round trip each time."""
    hung_up = poll()
    if not connection.closed:
        hung_up.register(connection.pgconn.socket, POLLIN)
    if connection.closed or hung_up.poll(0):
        raise DisconnectionError("the server has closed this connection")


@contextmanager
def within(scope: Scope) -> Iterator[None]:
    """Other eyes for a while in the same transaction, for work that acts for another unit (headquarters, say).

    However the block ends, what goes on in this transaction has the eyes of before.
    """
    db.session.flush()
    try:
        with eyes.stated(scope):
            _state(db.session.connection(), db.session(), scope)
            yield
            db.session.flush()
    finally:
        if _can_go_on():
            _state(db.session.connection(), db.session(), current_scope())


def _can_go_on() -> bool:
    """Whether the transaction takes another statement; one that failed only takes its rollback, which restores too."""
    if not db.session().is_active:
        return False
    return raw().info.transaction_status is not TransactionStatus.INERROR


def look_as(scope: Scope, *, told: bool = False) -> None:
    """Change the eyes of this context and of the transaction that may already run, until the context ends.

    `told`: the statement before this one has told PostgreSQL already (`found_with_eyes`).
    """
    eyes.enter(scope)
    session = db.session()
    if told:
        session.info[_STATED] = scope
    elif session.in_transaction() and session.info.get(_STATED) != scope:
        _state(db.session.connection(), session, scope)


def found_with_eyes(statement: Executable, given: Mapping[str, Any]) -> Any | None:
    """The row of a query that calls `look_as_unit`, which shares MOVING and states whose eyes the transaction has.

    It begins the transaction: two round trips less in each request. `look_as(…, told=True)` has to follow where a row
    was found.
    """
    session = db.session()
    session.info[_BY_ITSELF] = True
    try:
        found = session.execute(statement, given).one_or_none()
    finally:
        del session.info[_BY_ITSELF]
    if found is None:
        _state(session.connection(), session, current_scope(), BEGIN)
    return found


@contextmanager
def outside() -> Iterator[Connection]:
    """A second connection with its own transaction and the same eyes: for what must outlive a refusal.

    It waits for no move of a unit: the first one, which shares that lock, would wait for it in turn.
    """
    with db.engine.engine.connect() as connection, connection.begin():
        connection.exec_driver_sql(STATE_SCOPE, _settings(current_scope()))
        yield connection


def finish(*, good: bool) -> None:
    """End the transaction of a request or job. The only commit of the house."""
    if good:
        db.session.commit()
    else:
        db.session.rollback()


def raw() -> "psycopg.Connection[Any]":
    """The driver's connection inside the session's transaction, for COPY and for jobs."""
    connection = db.session.connection().connection.driver_connection
    assert isinstance(connection, psycopg.Connection)
    return connection


def sqlalchemy_url(url: str, *, role: str | None = APP_ROLE, database: str | None = None) -> str:
    """A libpq URL as SQLAlchemy with psycopg 3 wants it, acting as `role` from the first statement on.

    libpq takes `options=-c role=…` at connection time, so no statement ever runs with more rights than the role's.
    """
    return f"postgresql+psycopg{libpq_url(url, role=role, database=database)[len('postgresql') :]}"


def libpq_url(url: str, *, role: str | None = APP_ROLE, database: str | None = None) -> str:
    """The same database for a bare psycopg connection (jobs, advisory locks)."""
    parts = urlsplit(url)
    asked = dict(parse_qsl(parts.query))
    options = asked.get("options", "")
    if role:
        asked["options"] = f"{options} -c role={role}".strip()
    path = f"/{database}" if database else parts.path
    # libpq has no form encoding: a blank is %20, never +
    return urlunsplit(("postgresql", parts.netloc, path, urlencode(asked, quote_via=quote), ""))
