"""A dealer's or store's start page: the file card, what is owed, the last months, whom to call."""

from typing import Any

from portal import clocks, customer_files
from portal.clocks import Kind, Obligation
from portal.core import month as months
from portal.core.texts import gettext
from portal.home import rules
from portal.home.queries.desks import case_tasks, margin
from portal.home.queries.moment import Moment, Start, frame, month_duties, stops
from portal.home.queries.places import actions, reach, superiors_of
from portal.home.rules import Action, MonthCard, PastMonth

PAST_MONTHS = 6
FILING = {"dealer": Kind.CUSTOMER_FILE, "store": Kind.PART_FILE}


def filer(moment: Moment) -> Start:
    actor = moment.actor
    history = customer_files.list_months(actor.unit_id, most=PAST_MONTHS + 1)
    by_month = {month: (state, file) for month, state, file in history}
    owed = clocks.duties_of(actor.unit_id)
    filing = clocks.find(FILING[actor.unit_kind], actor.unit_id, moment.month)
    returned = next(
        (duty for duty in owed if duty.kind == Kind.RETURNED_FILE and duty.month == moment.month), None
    )
    before = by_month.get(months.before(moment.month))
    last = before[1].customers if before and before[1] is not None else None
    tasks = rules.first_due([*month_duties(moment, owed, last), *case_tasks(moment)])
    state, _file = by_month.get(moment.month, ("not_begun", None))
    reached = reach(actor)
    past = [
        PastMonth(
            month,
            file.customers if file else None,
            rules.result_tag(str(state), file.on_time if file else None),
            reached(f"/files/{months.text(month)}") or "",
        )
        for month, state, file in history
        if month < moment.month
    ]
    return frame(
        moment,
        "dealer",
        rules.heading(tasks),
        card=_file_card(moment, str(state), returned or filing),
        tasks=tasks,
        nothing=_next_words(moment),
        months=past[:PAST_MONTHS],
        files_href=reached("/files") or "",
        margin=margin(moment),
        contacts=superiors_of(actor),
    )


def _next_words(moment: Moment) -> Any:
    """What comes next, for somebody who has done everything."""
    following = rules.month_words(months.after(moment.month), moment.lang)
    return gettext(
        "The file of %(month)s can be sent from the first day of the month after it.", month=following
    )


def _file_card(moment: Moment, state: str, filing: Obligation | None) -> MonthCard | None:
    """`filing`: the duty that counts now; of a file that came back it is the one to mend it, with its own limit."""
    if moment.ruled is None:
        return None
    written, named, calendar = months.text(moment.month), moment.month_words, moment.ruled.calendar
    reached = reach(moment.actor)
    due_at = filing.due_at if filing else calendar.dealer_due_at
    done = filing is not None and filing.judged_at is not None
    late = not done and moment.now >= due_at
    back = filing is not None and filing.kind == Kind.RETURNED_FILE
    stage = 3 if state == "consolidated" else 2 if done else 1
    if done:
        wanted, words, icon = f"/files/{written}", gettext("See the file of %(month)s", month=named), "file"
    elif state in ("needs_correction", "ready", "checking", "returned"):
        wanted, words, icon = f"/files/{written}", gettext("Go on with %(month)s", month=named), "arrow"
    else:
        wanted, words, icon = f"/files/{written}/upload", gettext("Upload %(month)s", month=named), "upload"
        wanted = wanted if reached(wanted) else f"/files/{written}"
    links = actions(
        reached,
        ("/files/template.xlsx", gettext("Download the template (xlsx)")),
        (f"/files/{written}/nil", gettext("No customers in %(month)s? Nil return", month=named)),
        ("/help", gettext("How to fill it in")),
    )
    return MonthCard(
        title=gettext("Customer file of %(month)s", month=named),
        state=("bad", gettext("Overdue")) if late and state == "not_begun" else rules.state_tag(state),
        limit=moment.due(due_at, filing, minutes_too=True),
        stops=stops(moment, stage, late),
        primary=Action(wanted, words, icon) if reached(wanted) else None,
        links=[link for link in links if not done or not link.href.endswith("/nil")],
        words=""
        if not late or back
        else gettext(
            "Late files are taken until %(limit)s and are marked as late.",
            limit=rules.short_limit(calendar.locked_at, moment.zone, moment.lang),
        ),
    )
