"""A case proposed by hand, on any rule, with evidence (R033, R035, R036, R038)."""

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal import network, rulebook
from portal.access import Permission, current_actor
from portal.core import clock
from portal.core.db import finish
from portal.core.errors import Conflict, Invalid, NotAllowed, PortalError
from portal.core.texts import gettext, lazy
from portal.sanctions import service
from portal.sanctions.forms import MeasureRow, Sent, anchor, read_measures, read_sent
from portal.sanctions.pages.acts import Incomplete, kept_papers
from portal.sanctions.pages.door import room
from portal.sanctions.pages.shown import WHO_WORDS
from portal.sanctions.rules import MeasureKind, measure_words
from portal.sanctions.rules.measures import WORDS, planned

SPARE = 3


@room.get("/sanctions/new", needs=Permission.SANCTION_PROPOSE)
def new() -> str:
    asked = {name: request.args.get(name, "")[:200] for name in ("rule", "unit", "person")}
    return _page(Sent(values=asked))


@room.post("/sanctions/new", needs=Permission.SANCTION_PROPOSE)
def propose_new() -> ResponseReturnValue:
    actor, sent = current_actor(), read_sent(request.form)
    places: list[int] = []
    try:
        sent.needed("rule", lazy("Choose the rule."))
        sent.needed("facts", lazy("Say what happened, when, and how you know."))
        if not sent["unit"] and not sent["person"]:
            sent.errors.append(("#unit", lazy("Say the unit or the person.")))
        measures, places = read_measures(sent)
        papers = kept_papers(actor, sent)
        if sent.errors:
            raise Incomplete("incomplete")
        proposal = service.Proposal(
            rule=sent["rule"],
            facts=sent["facts"],
            unit=sent["unit"] or None,
            person=sent["person"] or None,
            documents=papers,
            measures=measures or None,
        )
        made = service.propose(actor, proposal)
    except (Invalid, Conflict, NotAllowed, Incomplete) as refused:
        finish(good=False)
        errors = getattr(refused, "errors", [])
        sent.errors += [(anchor(each.pointer, places), each.detail) for each in errors]
        return Response(_page(sent, refused), refused.status)
    flash(
        gettext("%(number)s is proposed. The party is told and may state its side.", number=made.number), "ok"
    )
    return redirect(url_for("sanctions.case", number=made.number))


def _page(sent: Sent, refused: PortalError | None = None) -> str:
    actor = current_actor()
    today = clock.local(clock.now()).date()
    found = rulebook.in_force(actor.network_id, today.replace(day=1))
    rules = [
        (
            each,
            [
                (
                    WHO_WORDS[one.who],
                    one.consequence,
                    [measure_words(m) for m in planned(one.step(1), f"{today:%Y-%m}")],
                )
                for one in each.answerable
            ],
        )
        for each in found.book.sanctions.breaches
    ]
    return render_template(
        "sanctions/new.html",
        sent=sent,
        refused=refused,
        rules=rules,
        version=found.version,
        rows=sent.rows or [MeasureRow(place) for place in range(SPARE)],
        kinds=[("", ""), *((each.value, WORDS[each]) for each in MeasureKind)],
        units=[
            (each.code, each.name)
            for each in network.units_below(actor.root_path, active=True)
            if each.kind != "headquarters"
        ][:2000],
    )
