"""The only writer of cases."""

from portal.sanctions.service.carrying_out import carry_out
from portal.sanctions.service.procedure import (
    acknowledge,
    appeal,
    approve,
    close,
    decide,
    execute,
    give_back,
    reject,
    review,
    serve,
    state_side,
    withdraw,
)
from portal.sanctions.service.proposing import Proposal, adopt, propose
from portal.sanctions.service.reporting import Report, note_cure, report_breaches, retract_breach
from portal.sanctions.service.tending import tend

__all__ = [
    "Proposal",
    "Report",
    "acknowledge",
    "adopt",
    "appeal",
    "approve",
    "carry_out",
    "close",
    "decide",
    "execute",
    "give_back",
    "note_cure",
    "propose",
    "reject",
    "report_breaches",
    "retract_breach",
    "review",
    "serve",
    "state_side",
    "tend",
    "withdraw",
]
