"""Reading what a membership was told."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import false, func, select

from portal.access import Actor
from portal.core.db import db
from portal.core.errors import NotFound
from portal.core.paging import LIMIT, Page, paged
from portal.core.texts import gettext, language
from portal.core.waiting import MEMBERSHIP, Waits
from portal.notices.models import Notice

CLOCK = "clock"  # the sweep's name, as it signs in the audit trail, too
MOST_COUNTED = 100  # what every page shows is "99+" at the most


@dataclass(frozen=True)
class Message:
    """A notice in the reader's language."""

    id: int
    at: datetime
    sender: str
    kind: str
    words: str
    note: str
    link: str
    read: bool


def words_of(notice: Notice) -> str:
    """The subject in the language of this request; where its places don't fit, as it was written."""
    translated = str(gettext(notice.subject))
    try:
        return str(translated % {name: _filled(value) for name, value in notice.params.items()})
    except (KeyError, TypeError, ValueError):
        return translated


def _filled(value: Any) -> Any:
    """What fills a place: as it is; {"zh", "en"}: the reader's; {"text", "after"}: a message of the catalogues."""
    if not isinstance(value, dict):
        return value
    message = value.get("text")
    if message is not None:
        return " ".join(filter(None, (str(gettext(message)), value.get("after", ""))))
    return value.get(language(), "")


def unread(actor: Actor) -> int:
    """How many notices this membership has not read; counts to 100 and no further."""
    chosen = (
        select(Notice.id)
        .where(Notice.membership_id == (actor.membership_id or 0), Notice.read_at.is_(None))
        .limit(MOST_COUNTED)
    )
    return db.session.scalar(select(func.count()).select_from(chosen.subquery())) or 0


def waits() -> Waits:
    """What this membership has not read, for the bell of every page."""
    return select(false()).where(Notice.membership_id == MEMBERSHIP, Notice.read_at.is_(None))


def list_notices(
    actor: Actor, *, only_unread: bool = False, cursor: str | None = None, limit: int = LIMIT
) -> Page[Message]:
    """What this membership was told, the newest first."""
    chosen = select(Notice).where(Notice.membership_id == (actor.membership_id or 0))
    if only_unread:
        chosen = chosen.where(Notice.read_at.is_(None))
    page = paged(chosen, [Notice.id], cursor, limit, newest_first=True)
    return Page([_message(each) for each in page.items], page.next_cursor)


def _message(notice: Notice) -> Message:
    return Message(
        notice.id,
        notice.at,
        gettext("The portal’s clock") if notice.sender == CLOCK else notice.sender,
        notice.kind,
        words_of(notice),
        notice.note,
        notice.link,
        notice.read_at is not None,
    )


def get_notice(actor: Actor, notice_id: int) -> Notice:
    """One of this membership's own. Raises NotFound."""
    found = db.session.scalar(
        select(Notice).where(Notice.id == notice_id, Notice.membership_id == (actor.membership_id or 0))
    )
    if found is None:
        raise NotFound()
    return found
