"""Start pages of headquarters' desks: the call queue, the cases that wait for a decision, what finance executes."""

from portal import ledger, network, return_visits, sanctions
from portal.access import Permission
from portal.core.texts import gettext, ngettext
from portal.home import rules
from portal.home.queries.moment import Moment, Start, frame
from portal.home.queries.places import WITH_CASES
from portal.home.rules import Figure, Margin, Task

SHOWN = 8


def caller(moment: Moment) -> Start | None:
    """Whoever calls customers (R045): how many are due now, what was promised, how far the month is.

    None where the network's rulebook has no return visits.
    """
    actor, now = moment.actor, moment.now
    ruled = return_visits.calling_now(actor.network_id, now)
    if ruled is None or actor.person_id is None:
        return None
    due, promised = (
        return_visits.count_due(actor.network_id, now),
        return_visits.promised(actor.person_id, now),
    )
    opens = None if ruled.hours.includes(now) else ruled.hours.next_open(now)
    return frame(
        moment,
        "desk",
        ngettext("%(num)d customer is to be called now", "%(num)d customers are to be called now", due)
        if due
        else gettext("No call is due now"),
        figures=visit_figures(moment),
        opens="" if opens is None else rules.clock_words(opens, moment.zone, moment.lang),
        tasks=[
            Task(
                visit.name,
                gettext("You promised to call back"),
                f"/calls/{visit.id}",
                visit.next_at,
                moment.due(visit.next_at),
                ("info", gettext("Call-back")),
            )
            for visit in promised
            if visit.next_at is not None
        ],
    )


def visit_figures(moment: Moment) -> list[Figure]:
    """My calls of today, and the latest month's coverage (visited people of all people) with what is overdue."""
    actor, now, months = moment.actor, moment.now, return_visits.latest_months(1)
    ruled = return_visits.calling_now(actor.network_id, now)
    if ruled is None or actor.person_id is None:
        return []
    midnight = now.astimezone(moment.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    calls = return_visits.calls_since(actor.person_id, midnight)
    overdue = return_visits.count_overdue(now)
    figures = [
        Figure(gettext("My calls today"), calls, f"/ {ruled.book.daily_goal}", href="/calls"),
        Figure(gettext("Rectifications overdue"), overdue, href="/rectifications?state=open"),
    ]
    if months:
        reached = return_visits.total(months[0], actor.unit_path)
        share = f"{100 * reached.visited / reached.people:.1f}%" if reached.people else "—"
        figures[1:1] = [
            Figure(
                gettext("Visited, %(month)s", month=rules.month_words(months[0], moment.lang)),
                share,
                sub=gettext(
                    "%(visited)d of %(people)d people", visited=reached.visited, people=reached.people
                ),
                href=f"/coverage/{months[0]:%Y-%m}",
            ),
            Figure(gettext("Still open"), reached.open, href="/calls"),
        ]
    return figures


def case_tasks(moment: Moment) -> list[Task]:
    """Sanction cases in which the next step is this person's, the least time left first."""
    actor = moment.actor
    if actor.role not in WITH_CASES:
        return []
    tasks = []
    for view, until, own in sanctions.to_do(actor, moment.now, limit=SHOWN):
        title = view.title.of(moment.lang) if view.title else view.case.number
        party = gettext(", ").join(filter(None, (view.person_name, view.unit_name)))
        due_at = until or moment.now
        words = rules.OWN_STEPS[own] if own else rules.CASE_STEPS.get(view.case.at, "")
        tag = ("bad", gettext("Overdue")) if due_at <= moment.now else ("mute", words)
        sub, href = f"{view.case.number} · {party}", f"/sanctions/{view.case.number}"
        tasks.append(Task(title, sub, href, due_at, moment.due(due_at), tag))
    return tasks


def margin(moment: Moment) -> Margin | None:
    """A dealer's brand margin beside what its rulebook requires; None for whoever may not read it."""
    actor = moment.actor
    if actor.unit_kind != "dealer" or not actor.may(Permission.LEDGER_READ) or moment.ruled is None:
        return None
    owner = ledger.unit_owner(network.get_unit(actor.unit_id))
    held = {each.kind: each.balance for each in ledger.balances(owner)}
    total = held[ledger.AccountKind.MARGIN] + held[ledger.AccountKind.MARGIN_HOLD]
    return Margin(total, moment.ruled.book.sanctions.procedure.margin_required or 0)
