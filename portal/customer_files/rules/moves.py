"""How a customer file moves, who of the dealers still owes, and how receipts are numbered. Pure.

Sources: R040 to R042, R046, R047; API.md "Customer files" and "Consolidation".
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from portal.core import month as months
from portal.core.errors import Conflict
from portal.core.texts import lazy


class State(StrEnum):
    CHECKING = "checking"
    NEEDS_CORRECTION = "needs_correction"
    READY = "ready"
    SUBMITTED = "submitted"
    CHECKED = "checked"
    CONSOLIDATED = "consolidated"
    RETURNED = "returned"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"


class Kind(StrEnum):
    """How the rows came: a spreadsheet, JSON or a form, none at all, or only the stores' parts."""

    SHEET = "sheet"
    ROWS = "rows"
    NIL = "nil"
    PARTS = "parts"


class RowStatus(StrEnum):
    GOOD = "good"
    BAD = "bad"
    EXCLUDED = "excluded"


class Move(StrEnum):
    FIND_ERRORS = "find_errors"
    FIND_NONE = "find_none"
    SUBMIT = "submit"
    CHECK = "check"
    RETURN = "return"
    WITHDRAW = "withdraw"
    CONSOLIDATE = "consolidate"
    SUPERSEDE = "supersede"
    REVISE = "revise"  # leaves the file as it is; the next version begins


DRAFTS = frozenset({State.CHECKING, State.NEEDS_CORRECTION, State.READY})
EDITABLE = frozenset({State.NEEDS_CORRECTION, State.READY})
FILED = frozenset({State.SUBMITTED, State.CHECKED})
COUNTED = frozenset({State.SUBMITTED, State.CHECKED, State.CONSOLIDATED})
"""Whose rows count for search, links and comparison with other files."""
SHOWN_ABOVE = COUNTED | {State.RETURNED, State.SUPERSEDED}
"""Whose rows those above may see, provided that it was submitted once."""

MOVES = {
    (State.CHECKING, Move.FIND_ERRORS): State.NEEDS_CORRECTION,
    (State.CHECKING, Move.FIND_NONE): State.READY,
    (State.NEEDS_CORRECTION, Move.FIND_ERRORS): State.NEEDS_CORRECTION,
    (State.NEEDS_CORRECTION, Move.FIND_NONE): State.READY,
    (State.READY, Move.FIND_ERRORS): State.NEEDS_CORRECTION,
    (State.READY, Move.FIND_NONE): State.READY,
    (State.READY, Move.SUBMIT): State.SUBMITTED,
    (State.SUBMITTED, Move.CHECK): State.CHECKED,
    (State.SUBMITTED, Move.RETURN): State.RETURNED,
    (State.CHECKED, Move.RETURN): State.RETURNED,
    (State.SUBMITTED, Move.WITHDRAW): State.WITHDRAWN,
    (State.CHECKED, Move.WITHDRAW): State.WITHDRAWN,
    (State.SUBMITTED, Move.CONSOLIDATE): State.CONSOLIDATED,
    (State.CHECKED, Move.CONSOLIDATE): State.CONSOLIDATED,
    # an unsubmitted version by the next upload, a filed or returned one by the next submission
    (State.CHECKING, Move.SUPERSEDE): State.SUPERSEDED,
    (State.NEEDS_CORRECTION, Move.SUPERSEDE): State.SUPERSEDED,
    (State.READY, Move.SUPERSEDE): State.SUPERSEDED,
    (State.SUBMITTED, Move.SUPERSEDE): State.SUPERSEDED,
    (State.CHECKED, Move.SUPERSEDE): State.SUPERSEDED,
    (State.RETURNED, Move.SUPERSEDE): State.SUPERSEDED,
    # what was filed once can be sent again, mended; what was consolidated gets an amendment beside it
    (State.RETURNED, Move.REVISE): State.RETURNED,
    (State.WITHDRAWN, Move.REVISE): State.WITHDRAWN,
    (State.SUBMITTED, Move.REVISE): State.SUBMITTED,
    (State.CHECKED, Move.REVISE): State.CHECKED,
    (State.CONSOLIDATED, Move.REVISE): State.CONSOLIDATED,
}

STATE_WORDS = {
    State.CHECKING: lazy("being checked"),
    State.NEEDS_CORRECTION: lazy("needs correction"),
    State.READY: lazy("ready to submit"),
    State.SUBMITTED: lazy("submitted"),
    State.CHECKED: lazy("checked"),
    State.CONSOLIDATED: lazy("consolidated"),
    State.RETURNED: lazy("returned"),
    State.WITHDRAWN: lazy("withdrawn"),
    State.SUPERSEDED: lazy("replaced by a newer version"),
}


def after(state: State, move: Move) -> State:
    """The state after a move. Raises Conflict `wrong_state` where there is no such move."""
    if (state, move) not in MOVES:
        words = lazy("This file is %(state)s; the step is not possible now.", state=STATE_WORDS[state])
        raise Conflict("wrong_state", words, state=state.value)
    return MOVES[state, move]


def must_be_editable(state: State) -> None:
    """Rows are mended and left out in drafts alone. Raises Conflict `not_editable`."""
    if state not in EDITABLE:
        words = lazy("This file is %(state)s; its rows cannot be changed now.", state=STATE_WORDS[state])
        raise Conflict("not_editable", words, state=state.value)


# --- a dealer on the board ------------------------------------------------------------------------------------------


class DealerState(StrEnum):
    """A dealer's month as its superior sees it; the first five are missing (API.md "Consolidation")."""

    NOT_BEGUN = "not_begun"
    CHECKING = "checking"
    NEEDS_CORRECTION = "needs_correction"
    READY = "ready"
    RETURNED = "returned"
    SUBMITTED = "submitted"
    CHECKED = "checked"
    CONSOLIDATED = "consolidated"
    NIL = "nil"


MISSING = frozenset(
    {
        DealerState.NOT_BEGUN,
        DealerState.CHECKING,
        DealerState.NEEDS_CORRECTION,
        DealerState.READY,
        DealerState.RETURNED,
    }
)
DEALER_WORDS = {
    DealerState.NOT_BEGUN: lazy("not begun"),
    DealerState.CHECKING: lazy("being checked"),
    DealerState.NEEDS_CORRECTION: lazy("needs correction"),
    DealerState.READY: lazy("ready to submit"),
    DealerState.RETURNED: lazy("returned"),
    DealerState.SUBMITTED: lazy("submitted"),
    DealerState.CHECKED: lazy("checked"),
    DealerState.CONSOLIDATED: lazy("consolidated"),
    DealerState.NIL: lazy("nil return"),
}
URGENCY = {
    DealerState.NOT_BEGUN: 0,
    DealerState.NEEDS_CORRECTION: 1,
    DealerState.CHECKING: 1,
    DealerState.READY: 1,
    DealerState.SUBMITTED: 2,
    DealerState.RETURNED: 3,
    DealerState.CHECKED: 4,
    DealerState.NIL: 4,
    DealerState.CONSOLIDATED: 5,
}
"""What the regional manager has to see first: who has nothing, who is mending, what waits to be checked."""


@dataclass(frozen=True)
class Version:
    """As much of a file's version as tells where its unit stands."""

    id: int
    number: int
    state: State
    nil: bool  # without a customer, its stores' parts included


def standing(versions: Iterable[Version]) -> tuple[DealerState, Version | None]:
    """Where a unit stands with a month, and which of its versions says so.

    A submitted version is the filed one whatever is being drafted beside it; what was consolidated stays so until an
    amendment is submitted; a draft after a return tells more than the return.
    """
    newest = sorted(versions, key=lambda version: -version.number)
    filed = next((v for v in newest if v.state in FILED), None)
    filed = filed or next((v for v in newest if v.state is State.CONSOLIDATED), None)
    if filed is not None:
        return (DealerState.NIL if filed.nil else DealerState(filed.state)), filed
    pending = next((v for v in newest if v.state in DRAFTS), None)
    pending = pending or next((v for v in newest if v.state is State.RETURNED), None)
    if pending is not None:
        return DealerState(pending.state), pending
    return DealerState.NOT_BEGUN, None


# --- receipts -------------------------------------------------------------------------------------------------------


def file_receipt(month: date, unit_code: str, version: int) -> str:
    """'HZ-202510-ZJ-0107-01': unique in a network because unit codes and their versions are."""
    return f"HZ-{months.text(month).replace('-', '')}-{unit_code}-{version:02d}"


def consolidation_receipt(month: date, region_code: str, number: int) -> str:
    """'HQ-202510-ZJ-01' for the first one of a region, '-02' for its first amendment."""
    return f"HQ-{months.text(month).replace('-', '')}-{region_code}-{number + 1:02d}"
