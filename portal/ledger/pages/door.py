"""The room of all these pages, and how money is written in the templates of every room."""

from portal.access import Room
from portal.ledger.rules import KIND_WORDS, PURPOSE_WORDS, AccountKind, Purpose

room = Room("ledger", __name__)


@room.app_template_filter("yuan")
def yuan(minor: int | None, *, signed: bool = False) -> str:
    """Fen as people read money: '¥5,000.00'; signed: '+5,000.00', '−2,000.00'."""
    if minor is None:
        return "—"
    if signed:
        return f"{'+' if minor > 0 else '−' if minor < 0 else ''}{abs(minor) / 100:,.2f}"
    return f"{'−' if minor < 0 else ''}¥{abs(minor) / 100:,.2f}"


room.app_template_filter("account_words")(lambda kind: KIND_WORDS[AccountKind(kind)])
room.app_template_filter("purpose_words")(lambda purpose: PURPOSE_WORDS[Purpose(purpose)])
