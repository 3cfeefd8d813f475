"""What time does to cases: top-ups and statements are looked for, cases are closed; late steps are the clocks' matter.

Called by the minute's sweep (clocks stands above this room): safe to run late, twice, and twice at once.
"""

from collections.abc import Sequence
from datetime import datetime

from portal import ledger, network, notices
from portal.access import Role
from portal.core import events
from portal.core.db import db, within
from portal.network import Network
from portal.sanctions import queries
from portal.sanctions.models import Case, Effect
from portal.sanctions.rules import MeasureKind, Move, after
from portal.sanctions.service.effects import all_settled
from portal.sanctions.service.reporting import headquarters_of, write_step


def tend(who: events.Doer, of: Network, now: datetime) -> int:
    """Do what has come due for the cases of a network; gives how many things were done."""
    with within(headquarters_of(of)):
        done = _top_ups(who, of, now) + _statements(now) + _closings(who, now)
        db.session.flush()
    return done


def _top_ups(who: events.Doer, of: Network, now: datetime) -> int:
    done = 0
    running = queries.running_effects(MeasureKind.TOP_UP, lock=True)
    paid = queries.paid_top_ups({each.about_unit_id for each in running})
    for effect in running:
        whole_at = paid[effect.id].whole_at
        if whole_at is not None:
            effect.settled_at = max(whole_at, effect.applied_at or whole_at)
            done += 1
        elif effect.overdue_at is None and effect.until is not None and effect.until <= now:
            effect.overdue_at = now
            number = _number(effect)
            events.record(who, "top_up:overdue", effect, after={"number": number, "until": effect.until})
            _tell(
                who,
                of,
                [Role.FINANCE, Role.SANCTION_OFFICER],
                "top_up:overdue",
                "The top-up of sanction case %(number)s was not paid in time",
                number,
            )
            done += 1
    return done


def _statements(now: datetime) -> int:
    waiting = queries.running_effects(MeasureKind.COMMISSION_WITHHELD, lock=True)
    posted = ledger.withheld([each.withholding_id for each in waiting if each.withholding_id is not None])
    for effect in waiting:
        if effect.withholding_id in posted:
            effect.settled_at, effect.short_minor = now, posted[effect.withholding_id].short
    return len(posted)


def _closings(who: events.Doer, now: datetime) -> int:
    done = 0
    for case in queries.to_close(now):
        if all_settled(case):
            case.state, case.closed_at, case.step_due_at = after(case.at, Move.CLOSE).value, now, None
            write_step(who, case, Move.CLOSE, "", now)
            done += 1
    return done


def _number(effect: Effect) -> str:
    return db.session.get_one(Case, effect.case_id).number


def _tell(who: events.Doer, of: Network, roles: Sequence[Role], kind: str, subject: str, number: str) -> None:
    office = network.units_below(of.root_path, kind="headquarters")
    notices.tell(
        who,
        unit_ids=[unit.id for unit in office],
        roles=roles,
        kind=kind,
        subject=subject,
        params={"number": number},
        link=f"/sanctions/{number}",
    )
