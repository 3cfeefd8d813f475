"""The pages that read a network's rulebook in plain words, with its sources and versions."""

from datetime import date

from babel.dates import format_date
from flask import render_template
from flask.typing import ResponseReturnValue

from portal.access import Permission, Room, current_actor
from portal.core import clock
from portal.core import month as months
from portal.core.texts import language
from portal.rulebook import queries, rules
from portal.rulebook.models import RulebookVersion

room = Room("rulebook", __name__)


@room.get("/rulebook", needs=Permission.RULEBOOK_READ)
def book() -> ResponseReturnValue:
    """The version in force for the month that is being filed now."""
    number = queries.in_force(current_actor().network_id, _running()).version
    return _page("rulebook/book.html", queries.get_version(current_actor().network_id, number))


@room.get("/rulebook/<key:version>", needs=Permission.RULEBOOK_READ)
def version(version: int) -> ResponseReturnValue:
    return _page("rulebook/version.html", queries.get_version(current_actor().network_id, version))


def _running() -> date:
    return months.before(clock.local(clock.now()).date().replace(day=1))


def _month_words(month: date) -> str:
    if language() == "zh":
        return f"{month.year} 年 {month.month} 月"
    return str(format_date(month, "LLLL y", locale="en"))


def _page(template: str, shown: RulebookVersion) -> str:
    book = queries.book_of(shown)
    chapters = rules.chapters(book)
    versions = queries.list_versions(shown.network_id)
    dated = [(each.version, each.effective_from) for each in versions]
    return render_template(
        template,
        book=book,
        shown=shown,
        chapters=chapters,
        requirements=rules.cited(chapters),
        versions=versions,
        in_force=rules.version_for(dated, _running()),
        running=_running(),
        month_words=_month_words,
    )
