"""The only writer of visits: opening, claiming, calling, rectifying, deciding."""

from portal.return_visits.service.attempting import Logged, Said, correct, log_attempt
from portal.return_visits.service.claiming import (
    claim,
    claim_next,
    count_due,
    pause,
    release,
    renew,
    reveal,
    save_draft,
)
from portal.return_visits.service.commenting import follow_units
from portal.return_visits.service.deciding import (
    assign,
    assign_all,
    call_first,
    caller,
    count_open,
    free_pools,
    seal,
    waive,
)
from portal.return_visits.service.opening import open_visits, write_visits
from portal.return_visits.service.rectifying import Report, comment, held_by_superior, report
from portal.return_visits.service.signalling import look, look_at_visit, look_later

__all__ = [
    "Logged",
    "Report",
    "Said",
    "assign",
    "assign_all",
    "call_first",
    "caller",
    "claim",
    "claim_next",
    "comment",
    "correct",
    "count_due",
    "count_open",
    "follow_units",
    "free_pools",
    "held_by_superior",
    "log_attempt",
    "look",
    "look_at_visit",
    "look_later",
    "open_visits",
    "pause",
    "release",
    "renew",
    "report",
    "reveal",
    "save_draft",
    "seal",
    "waive",
    "write_visits",
]
