"""A consolidated month to call, and the steps that every test of this room needs."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from portal import return_visits
from portal.access import Actor
from portal.core import clock
from portal.core.db import db
from portal.customer_files import service as files
from portal.return_visits import Figures, Outcome, Result, Said, Visit, jobs, queries
from tests.customer_files.filing import OCTOBER, rows, submitted
from tests.factories import World

__all__ = [
    "OCTOBER",
    "consolidated",
    "counts_are_right",
    "next_call",
    "reach",
    "rows",
    "said",
    "signals_worked_out",
    "visits",
]


def consolidated(world: World, by_dealer: dict[str, Sequence[dict[str, Any]]], month: date = OCTOBER) -> None:
    """File these rows for D1 (clerk), D2 (clerk2), then send region R1 with a reason for whoever is missing."""
    who = {"D1": "clerk", "D2": "clerk2"}
    for dealer, given in by_dealer.items():
        submitted(world.as_(who[dealer]), list(given), month)
    missing = {code: "停业" for code in who if code not in by_dealer}
    region = world.as_("region")
    files.consolidate(region, month, world.units["R1"], requested_at=clock.now(), missing=missing)


def signals_worked_out(world: World) -> None:
    """Run the jobs that filing and consolidating asked for, as the worker would."""
    world.as_("supervisor")
    asked = db.session.scalars(
        db.text("SELECT args FROM procrastinate_jobs WHERE task_name = 'return_visits.signals' ORDER BY id")
    )
    for args in list(asked):
        jobs.signals(**{name: value for name, value in args.items() if name != "travels"})


def visits(world: World, month: date = OCTOBER) -> list[Visit]:
    world.as_("supervisor")
    found = db.session.scalars(db.select(Visit).where(Visit.month == month).order_by(Visit.id))
    return list(found)


def said(result: str, outcome: str | None = None, **more: Any) -> Said:
    return Said(Result(result), Outcome(outcome) if outcome else None, **more)


def next_call(world: World, who: str = "agent") -> Visit | None:
    return return_visits.claim_next(world.as_(who))


def reach(actor: Actor, visit: Visit, outcome: str, **more: Any) -> return_visits.Logged:
    return return_visits.log_attempt(actor, visit.id, said("reached", outcome, **more))


def figures(world: World, month: date = OCTOBER) -> Figures:
    return return_visits.total(month, world.as_("supervisor").unit_path)


def counts_are_right(world: World, month: date = OCTOBER) -> None:
    """The running counts, the visits themselves and what was consolidated say the same."""
    head = world.as_("supervisor")
    shown = {line.unit.id: line.figures for line in queries.by_dealer(month, head.unit_path)}
    assert shown == queries.recount(month)
    assert {unit: each.people for unit, each in shown.items()} == queries.consolidated_people(month)
    total = queries.total(month, head.unit_path)
    days = queries.by_day(month, world.units["HQ"])
    assert (days[-1].figures if days else total) == total
    assert sum((line.figures for line in queries.by_region(month, head.unit_path)), type(total)()) == total
