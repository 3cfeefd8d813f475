"""Sign-in, sign-out, and choosing membership, language and theme."""

import secrets
from datetime import datetime
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, flash, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, current_user, login_user, logout_user
from itsdangerous import BadSignature, URLSafeSerializer

from portal.access import PUBLIC, SIGNED_IN, Actor, Room, actor_or_none
from portal.accounts import queries, rules, service
from portal.accounts.forms import SignInForm
from portal.accounts.models import Person
from portal.core import clock, events
from portal.core.db import look_as
from portal.core.errors import TooMany
from portal.core.numbers import whole
from portal.core.texts import LANGUAGES, gettext

room = Room("accounts", __name__)
login_manager = LoginManager()
DEVICE = "device"
YEAR = 365 * 24 * 3600


@login_manager.user_loader  # type: ignore[untyped-decorator]
def load(kept: str) -> Person | None:
    """The person of a session, while the stamp is still the same."""
    number, _, stamp = kept.partition("|")
    key = whole(number)
    person = queries.person_by_id(key) if key is not None else None
    return person if person and secrets.compare_digest(person.stamp, stamp) else None


def start(app: Flask) -> None:
    login_manager.init_app(
        app, add_context_processor=False
    )  # pages have `actor`; a person more is a query more
    login_manager.session_protection = (
        None  # an address that changes (mobile networks) must not sign people out
    )


def by_session() -> Actor | None:
    """Whoever is signed in, in the membership that this session has chosen; None, too, after too long a rest."""
    number, _, stamp = str(session.get("_user_id", "")).partition("|")
    key = whole(number)
    if key is None:
        return None
    actor = queries.actor_of_membership(
        key, session.get("membership"), stamp=stamp, session_id=session.get("id", "")
    )
    if actor is None or _rested_too_long(actor):
        session.clear()
        logout_user()
        return None
    if session.get("membership") != actor.membership_id:  # every change signs and sends the cookie anew
        session["membership"] = actor.membership_id
    return actor


def _rested_too_long(actor: Actor) -> bool:
    now = int(clock.now().timestamp())
    seen = session.get("seen", now)
    rest = rules.KEPT if session.get("keep") else rules.IDLE
    if actor.at_headquarters:
        rest = rules.IDLE_AT_HEADQUARTERS
    if now - seen > rest.total_seconds():
        return True
    if now - seen > 60 or "seen" not in session:
        session["seen"] = now
    return False


def sign_in_page() -> ResponseReturnValue:
    """Where the guard sends whoever is not signed in."""
    target = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("accounts.login", next=target if target != "/" else None))


def own_address(target: str | None) -> str:
    """Where to go after sign-in: only within this site."""
    if not target or not target.isprintable() or not target.startswith("/") or "\\" in target:
        return "/"  # a line break or tab would vanish on its way, and what follows it become a host
    if target.startswith("//"):
        return "/"
    parts = urlsplit(target)
    return target if not parts.scheme and not parts.netloc else "/"


def _devices() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.secret_key or "", salt="device")


def _known_device(identifier: str) -> str | None:
    """The id of this device, if this account signed in on it before."""
    try:
        kept = _devices().loads(request.cookies.get(DEVICE, ""))
    except BadSignature:
        return None
    known: str | None = kept.get("id") if rules.identifier(identifier) in kept.get("who", []) else None
    return known


def _remember_device(response: Response, identifier: str) -> None:
    try:
        kept = _devices().loads(request.cookies.get(DEVICE, ""))
    except BadSignature:
        kept = {"id": secrets.token_hex(8), "who": []}
    who = [rules.identifier(identifier), *(w for w in kept["who"] if w != rules.identifier(identifier))][:20]
    response.set_cookie(
        DEVICE,
        _devices().dumps({"id": kept["id"], "who": who}),
        max_age=YEAR,
        httponly=True,
        samesite="Lax",
        secure=current_app.config["SESSION_COOKIE_SECURE"],
    )


@room.route("/login", methods=["GET", "POST"], needs=PUBLIC)
def login() -> ResponseReturnValue:
    if actor_or_none() is not None and request.method == "GET":
        return redirect("/")
    form = SignInForm()
    target = own_address(request.values.get("next"))
    status = 200
    refusal = None
    if form.validate_on_submit():
        now = clock.now()
        try:
            person = service.check_password(
                form.identifier.data,
                form.password.data,
                address=request.remote_addr or "",
                known_device=_known_device(form.identifier.data),
                now=now,
            )
        except TooMany as error:
            refusal, status = str(error.detail), 429
            person = None
        if person is not None:
            response = _enter(person, keep=bool(form.keep.data), target=target, now=now)
            if response is not None:
                _remember_device(response, form.identifier.data)
                return response
            refusal, status = gettext("This account has no unit at present. Ask your regional manager."), 422
        elif refusal is None:
            refusal, status = gettext("E-mail or mobile number and password do not fit."), 422
    elif request.method == "POST":
        status = 422
    page = render_template(
        "accounts/login.html",
        form=form,
        refusal=refusal,
        next=target,
        demo_accounts=current_app.extensions.get("demo_accounts", list)(),
        limits=current_app.extensions.get("sign_in_limits", list)(),
    )
    return page, status


def _enter(person: Person, *, keep: bool, target: str, now: datetime) -> Response | None:
    language = session.get("lang")
    actor = queries.actor_of_membership(person.id, None)
    if actor is None:
        return None
    session.clear()  # no session from before sign-in goes on (fixation)
    login_user(person)
    session["id"] = secrets.token_hex(12)
    session["membership"] = actor.membership_id
    session["keep"] = keep
    session["seen"] = int(now.timestamp())
    session.permanent = keep
    if language:
        session["lang"] = language
    look_as(actor.scope)
    events.record(actor, "session:begun", kind="person", object_id=person.id)
    return redirect(target)  # type: ignore[return-value]


@room.post("/logout", needs=SIGNED_IN)
def logout() -> ResponseReturnValue:
    actor = actor_or_none()
    if actor is not None:
        events.record(actor, "session:ended", kind="person", object_id=actor.person_id)
        service.end_session(session.get("id", ""), clock.now())
    language = session.get("lang")
    logout_user()
    session.clear()
    if language:
        session["lang"] = language
    flash(gettext("You are signed out."), "ok")
    return redirect(url_for("accounts.login"))


@room.get("/switch", needs=SIGNED_IN)
def switch() -> str:
    """The memberships of this person, in all networks."""
    return render_template("accounts/switch.html", memberships=switchable())


def switchable() -> list[dict[str, object]]:
    """What /switch offers: each membership with its network and unit, the present one marked."""
    actor = actor_or_none()
    assert actor is not None
    assert actor.person_id is not None
    offered = []
    for membership, network in queries.memberships_of(actor.person_id):
        other = queries.actor_of_membership(actor.person_id, membership.id)
        if other is not None and other.membership_id == membership.id:
            offered.append(
                {"actor": other, "network": network, "current": membership.id == actor.membership_id}
            )
    look_as(actor.scope)
    return offered


@room.post("/switch", needs=SIGNED_IN)
def choose() -> ResponseReturnValue:
    actor = actor_or_none()
    assert actor is not None
    wanted = whole(request.form.get("to", ""))
    session["membership"] = service.choose_membership(current_user, -1 if wanted is None else wanted)
    return redirect(own_address(request.form.get("next")))


@room.post("/language", needs=PUBLIC)
def language() -> ResponseReturnValue:
    wanted = request.form.get("lang", "")
    response = redirect(own_address(request.form.get("next")))
    if wanted in LANGUAGES:
        session["lang"] = wanted
        response.set_cookie("lang", wanted, max_age=YEAR, samesite="Lax")
    return response


@room.post("/theme", needs=PUBLIC)
def theme() -> ResponseReturnValue:
    response = redirect(own_address(request.form.get("next")))
    wanted = request.form.get("theme", "")
    if wanted in ("light", "dark", "auto"):
        response.set_cookie("theme", wanted, max_age=YEAR, samesite="Lax")
    return response


@room.get("/account", needs=SIGNED_IN)
def account() -> str:
    g.no_store = True
    return render_template("accounts/account.html", memberships=switchable())
