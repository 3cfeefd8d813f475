"""The only writer of obligations."""

from portal.clocks.service.deciding import extend, pause, resume, seal, unlock, waive
from portal.clocks.service.starting import (
    await_submission,
    hand_over,
    meet,
    open_months,
    open_obligation,
    reopen,
    revive,
)
from portal.clocks.service.sweeping import Swept, count_waiting, sweep, sweep_all

__all__ = [
    "Swept",
    "await_submission",
    "count_waiting",
    "extend",
    "hand_over",
    "meet",
    "open_months",
    "open_obligation",
    "pause",
    "reopen",
    "resume",
    "revive",
    "seal",
    "sweep",
    "sweep_all",
    "unlock",
    "waive",
]
