"""What the portal cannot do itself (management responsibility, a dismissal, a claim, a law suit) is ticked off by those
to whom it was handed: who did what when, in the case's own trail and in the audit trail."""

from portal import network, notices
from portal.access import Actor, Role
from portal.core import arrival, clock
from portal.core.db import db, within
from portal.core.errors import Conflict, NotAllowed, NotFound
from portal.core.texts import lazy
from portal.sanctions import queries
from portal.sanctions.models import Effect
from portal.sanctions.rules import Move
from portal.sanctions.service.reporting import write_step
from portal.sanctions.service.steps import REFUSED


def carry_out(actor: Actor, effect_id: int, note: str) -> Effect:
    """It is done, by this person; `note` says what was done. Raises NotFound, NotAllowed (`own_case`, `no_person`) or
    Conflict `already_done`."""
    arrived = arrival.reached()
    case_id = queries.handed_on(actor, effect_id).case_id
    with within(actor.whole_network):
        case = queries.lock_case(case_id)
        effect = next((each for each in queries.effects_of(case_id, lock=True) if each.id == effect_id), None)
        if effect is None or effect.applied_at is None:
            raise NotFound()  # it was undone meanwhile
        if actor.person_id is None:
            raise NotAllowed("no_person", REFUSED["no_person"])
        if actor.person_id == case.person_id:
            raise NotAllowed("own_case", REFUSED["own_case"])
        if effect.acted_at is not None:
            raise Conflict("already_done", lazy("This is carried out already."))
        effect.acted_at = max(arrived, effect.applied_at)
        effect.acted_by, effect.act_note = actor.person_id, note
        write_step(actor, case, Move.CARRY_OUT, note, clock.now())
        notices.tell(
            actor,
            unit_ids=[unit.id for unit in network.units_below(actor.root_path, kind="headquarters")],
            roles=[Role.SANCTION_OFFICER],
            kind="sanction_case:carry_out",
            subject="Sanction case %(number)s: what was handed on is carried out",
            params={"number": case.number},
            link=f"/sanctions/{case.number}",
        )
        db.session.flush()
        return effect
