"""What has to be done in time, and how it stands: the verdict on one clock."""

from datetime import datetime, timedelta
from enum import StrEnum

from portal.rulebook import Rulebook


class Kind(StrEnum):
    """What has to be done in time."""

    CUSTOMER_FILE = "customer_file"
    PART_FILE = "part_file"
    CONSOLIDATION = "consolidation"
    RETURNED_FILE = "returned_file"
    RECTIFICATION = "rectification"
    RECTIFICATION_COMMENT = "rectification_comment"
    CASE_STEP = "case_step"
    STATEMENT = "statement"
    ACKNOWLEDGEMENT = "acknowledgement"
    APPEAL = "appeal"
    TOP_UP = "top_up"
    HANDED_ON = "handed_on"
    REFUND = "refund"
    ESCALATION = "escalation"


MONTHLY = (Kind.CUSTOMER_FILE, Kind.PART_FILE, Kind.CONSOLIDATION)
"""The filing windows: opened for everybody who owes the month, not one by one."""

RIGHTS = (Kind.STATEMENT, Kind.ACKNOWLEDGEMENT, Kind.APPEAL)
"""What the party of a case may do in its time: whoever lets it pass breaks no rule, the case goes on."""


class State(StrEnum):
    OPEN = "open"
    MET = "met"
    BREACHED = "breached"  # past due and still owed
    LATE = "late"  # met after it was due
    WAIVED = "waived"


def breach_of(book: Rulebook, kind: Kind) -> str | None:
    """Which breach of the rulebook a missed duty of this kind is; None where it names none (a store's part)."""
    if kind is Kind.CUSTOMER_FILE:
        return book.window("dealer").breach
    if kind is Kind.CONSOLIDATION:
        return book.window("region").breach
    if kind is Kind.RETURNED_FILE:
        return book.customer_file.returned_breach
    if book.return_visits is not None:
        if kind is Kind.RECTIFICATION:
            return book.return_visits.rectification_breach
        if kind is Kind.RECTIFICATION_COMMENT:
            return book.return_visits.comment_breach
    return None


SUBMIT_GRACE = timedelta(minutes=30)
"""API.md "Judged": how long after the end of the check a submission still counts from when the bytes were in."""


def judged_at(
    *,
    submitted_at: datetime,
    received_at: datetime,
    changed_at: datetime | None,
    checked_at: datetime | None,
    due_at: datetime,
    grace: timedelta = SUBMIT_GRACE,
) -> datetime:
    """The instant that decides on time or late (API.md "Judged").

    `submitted_at`: when the submit request reached the server; `received_at`: when the file's bytes were in;
    `changed_at`: the last change by a person, None for none; `checked_at`: when the check ended, None while it
    runs (a file that submits itself); `grace`: the rulebook's customer_file.submit_grace. A wall clock that was
    set back between two requests wins nobody time: a submission never counts as older than what it holds.
    """
    newest = max(received_at, changed_at or received_at)
    submitted_at = max(submitted_at, newest)
    in_time = newest < due_at
    prompt = checked_at is None or submitted_at <= checked_at + grace
    return received_at if in_time and prompt else submitted_at


def on_time(judged: datetime, due_at: datetime) -> bool:
    """The end is exclusive: 24:00 itself is late."""
    return judged < due_at


def state_of(
    now: datetime,
    *,
    due_at: datetime,
    judged_at: datetime | None = None,
    waived_at: datetime | None = None,
    paused_at: datetime | None = None,
    right: bool = False,
) -> State:
    """An obligation's state, worked out when read: nothing depends on when the sweep ran.

    `right`: one of `RIGHTS`; whoever lets its time pass has waived it.
    """
    if waived_at is not None:
        return State.WAIVED
    if judged_at is not None:
        return State.MET if on_time(judged_at, due_at) else State.LATE
    if paused_at is not None or now < due_at:
        return State.OPEN
    return State.WAIVED if right else State.BREACHED
