"""The only writer of obligations."""

from portal.clocks.service.deciding import (
    await_submission,
    extend,
    meet,
    open_months,
    open_obligation,
    pause,
    reopen,
    resume,
    seal,
    unlock,
    waive,
)
from portal.clocks.service.sweeping import Swept, count_waiting, sweep, sweep_all

__all__ = [
    "Swept",
    "await_submission",
    "count_waiting",
    "extend",
    "meet",
    "open_months",
    "open_obligation",
    "pause",
    "reopen",
    "resume",
    "seal",
    "sweep",
    "sweep_all",
    "unlock",
    "waive",
]
