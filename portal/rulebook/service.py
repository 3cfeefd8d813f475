"""Writing rulebooks: a new version, from a stated month on."""

import hashlib
import json
from datetime import date
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import text

from portal.core import clock, events
from portal.core import month as months
from portal.core.db import changed, db, within
from portal.core.errors import Conflict, FieldError, Invalid
from portal.core.scope import Scope
from portal.rulebook import queries, rules
from portal.rulebook.models import RulebookVersion


def install(
    actor: events.Doer | None,
    network_id: int,
    root_path: str,
    book: str | dict[str, Any],
    effective_from: date,
) -> RulebookVersion:
    """Make a book the network's from a month (its first day) on: a shipped one by its key, or a document.

    The first version may take effect in any month, and holds for the months before it too. A later one only in a
    month that is not open yet, and not before the version that it follows: what runs keeps its rules. The document
    of the latest version again, from a month that it already covers, changes nothing and gives that version.
    Raises Invalid (`invalid_rulebook`, all faults), Conflict (`month_already_open`, `effective_before_latest`),
    NotFound for an unknown key.
    """
    document = queries.shipped(book) if isinstance(book, str) else book
    try:
        read = rules.read(document)
    except rules.RulebookError as refused:
        faults = [FieldError(*_pointed(fault)) for fault in refused.faults]
        detail = _("The rulebook has faults: %(faults)s", faults="; ".join(refused.faults))
        raise Invalid("invalid_rulebook", detail, faults) from refused
    effective_from, digest = effective_from.replace(day=1), _digest(document)
    with within(Scope.below(network_id, root_path)):
        # Two installations at once are numbered one after the other.
        db.session.execute(
            text("SELECT pg_advisory_xact_lock(7201002, :network)"), {"network": network_id % 2**31}
        )
        changed(queries.VERSIONS)  # whoever waited for the lock looks anew
        latest = next(iter(queries.list_versions(network_id)), None)
        if latest:
            if latest.digest == digest and latest.effective_from <= effective_from:
                return latest
            _refuse_what_runs(latest, effective_from)
        version = RulebookVersion(
            network_id=network_id,
            unit_path=root_path,
            version=latest.version + 1 if latest else 1,
            effective_from=effective_from,
            key=read.key,
            digest=digest,
            document=document,
            created_at=clock.now(),
            created_by=actor.person_id if actor else None,
            created_by_name=actor.name if actor else "",
        )
        db.session.add(version)
        db.session.flush()
        changed(queries.VERSIONS)
        if actor:
            after = {
                "version": version.version,
                "effective_from": effective_from,
                "key": read.key,
                "digest": digest,
            }
            events.record(actor, "rulebook:installed", version, after=after)
    return version


def _refuse_what_runs(latest: RulebookVersion, effective_from: date) -> None:
    running = months.before(clock.local(clock.now()).date().replace(day=1))
    if effective_from <= running:
        raise Conflict(
            "month_already_open",
            _(
                "The month %(month)s is already open and keeps its rules; the first that can change is %(first)s.",
                month=months.text(effective_from),
                first=months.text(months.after(running)),
            ),
        )
    if effective_from < latest.effective_from:
        raise Conflict(
            "effective_before_latest",
            _(
                "Version %(version)s takes effect from %(month)s; a newer one cannot begin before it.",
                version=latest.version,
                month=months.text(latest.effective_from),
            ),
        )


def _digest(document: dict[str, Any]) -> str:
    canonical = json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _pointed(fault: str) -> tuple[str, str, str]:
    where, _sep, what = fault.partition(": ")
    return f"/{where.replace('.', '/').replace('[', '/').replace(']', '')}", "invalid", what
