"""Two languages: which one a reader gets, and where the catalogues come from (gettext, one domain a room)."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask import Flask, g, has_request_context, request, session
from flask_babel import Babel, Domain, force_locale, get_domain, gettext, lazy_gettext, ngettext, pgettext
from jinja2 import Environment, Template, pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import (  # type: ignore[attr-defined]
    Markup,
    _escape_inner,  # what escape() does to a text, without a Markup around it
    escape,
)

from config.settings import ROOT

__all__ = [
    "LANGUAGES",
    "gettext",
    "language",
    "lazy",
    "ngettext",
    "pgettext",
    "reader_is",
    "speaking",
    "start",
]

LANGUAGES = {"zh": "zh_Hans_CN", "en": "en"}
_language: ContextVar[str | None] = ContextVar("language", default=None)
_texts: ContextVar[Any] = ContextVar("texts", default=None)
"""What a request has worked out; empty outside of one."""
TRANSLATIONS = ROOT / "translations"
lazy = lazy_gettext


def language() -> str:
    """'zh' or 'en': asked for in the address, chosen before, the person's own, or the client's; zh otherwise.

    Worked out once a request: a page asks some hundred times.
    """
    known = _language.get()
    if known is None:
        if not has_request_context():
            return "zh"
        known = _language_of_request()
        _language.set(known)
    return known


def _forget(_error: BaseException | None = None) -> None:
    _language.set(None)
    _texts.set(None)


def reader_is(own: str | None) -> None:
    """Who reads is known now, and this person's own language, if any."""
    g.person_language = own
    _forget()


@contextmanager
def speaking(lang: str) -> Iterator[None]:
    """Texts in 'zh' or 'en' for a while, whoever reads: a letter in its addressee's language."""
    kept, texts = _language.set(lang), _texts.set(None)
    try:
        with force_locale(LANGUAGES[lang]):
            yield
    finally:
        _texts.reset(texts)
        _language.reset(kept)


def _language_of_request() -> str:
    chosen = (
        request.args.get("lang")
        or session.get("lang")
        or request.cookies.get("lang")
        or getattr(g, "person_language", None)
    )
    if chosen in LANGUAGES:
        return str(chosen)
    if request.accept_languages:
        best = request.accept_languages.best_match(["zh", "zh-CN", "en", "en-US", "en-GB"])
        if best and best.startswith("en"):
            return "en"
    return "zh"


def zone() -> str:
    return getattr(g, "time_zone", None) or "Asia/Shanghai"


def compiled(folder: Path = TRANSLATIONS) -> list[str]:
    """Compile each room's catalogue where the compiled one is missing or older; gives the domains' names."""
    domains = set()
    for source in sorted(folder.glob("*/LC_MESSAGES/*.po")):
        domains.add(source.stem)
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime_ns >= source.stat().st_mtime_ns:
            continue
        with source.open("rb") as opened:
            catalogue = read_po(opened, locale=source.parent.parent.name)
        fresh = target.with_suffix(f".{id(target)}.tmp")
        with fresh.open("wb") as opened:
            write_mo(opened, catalogue)
        fresh.replace(target)  # whole or not at all: other processes may be reading
    return sorted(domains) or ["messages"]


def start(app: Flask) -> None:
    domains = compiled()
    app.config.update(
        BABEL_DEFAULT_LOCALE="zh_Hans_CN",
        BABEL_DEFAULT_TIMEZONE="Asia/Shanghai",
        BABEL_TRANSLATION_DIRECTORIES=";".join([str(TRANSLATIONS)] * len(domains)),
        BABEL_DOMAIN=";".join(domains),
    )
    app.before_request(_forget)  # first of all: a context may outlive its request
    app.teardown_request(_forget)
    babel = Babel(app, locale_selector=lambda: LANGUAGES[language()], timezone_selector=zone)
    babel.domain_instance = Catalogues(domain=";".join(domains))
    app.jinja_env.template_class = ReadyTemplate
    app.jinja_env.globals.update(_=in_page, gettext=in_page, ngettext=counted_in_page, pgettext=meant_in_page)
    app.jinja_env.globals.update(constant_part=lambda part: _constant_part(app.jinja_env, part, language()))


class Catalogues(Domain):  # type: ignore[misc]
    """Flask-Babel's, looked for once a request: it asks for session, locale and cache at each word."""

    def get_translations(self) -> Any:
        found = _texts.get()
        if found is None:
            found = super().get_translations()
            if has_request_context():
                _texts.set(found)
        return found


# --- what templates call -----------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def _without_places(text: str) -> Markup:
    return Markup(text) % ()  # noqa: S704 - our own texts; %% becomes %


def _filled(evaluated: EvalContext, text: str, places: dict[str, Any]) -> str:
    """Places are escaped where the template escapes; the text itself is ours."""
    if not evaluated.autoescape:
        return text % places
    return Markup(text) % places if places else _without_places(text)  # noqa: S704 - our own texts


@lru_cache(maxsize=16)
def _constant_part(environment: Environment, part: str, _language: str) -> Markup:
    """A part of every page that is the same whoever looks at what: put together once a language."""
    return Markup(environment.get_template(part).render())  # noqa: S704 - our own template


def _put(value: Any) -> str:
    """`escape` for what goes straight into a page: no Markup around it, which costs more than the escaping."""
    kind = type(value)
    if kind is str:
        escaped: str = _escape_inner(value)
        return escaped
    return value if kind is Markup else str(value) if kind is int else escape(value)


class ReadyTemplate(Template):
    """Templates that put what is escaped already as it is, and import another's macros without comparing globals.

    Each was a tenth of a page. No template of ours has globals of its own: they all stand in the environment.
    """

    @classmethod
    def _from_namespace(cls, environment: Any, namespace: Any, globals: Any) -> Template:  # noqa: A002 - its name
        namespace["escape"] = _put
        return super()._from_namespace(environment, namespace, globals)

    def _get_default_module(self, ctx: Any = None) -> Any:
        return super()._get_default_module()


@pass_eval_context
def in_page(evaluated: EvalContext, message: str, /, **places: Any) -> str:
    return _filled(evaluated, _catalogue().ugettext(message), places)


@pass_eval_context
def counted_in_page(evaluated: EvalContext, one: str, many: str, num: int, /, **places: Any) -> str:
    return _filled(evaluated, _catalogue().ungettext(one, many, num), {"num": num} | places)


@pass_eval_context
def meant_in_page(evaluated: EvalContext, meaning: str, message: str, /, **places: Any) -> str:
    return _filled(evaluated, _catalogue().upgettext(meaning, message), places)


def _catalogue() -> Any:
    return _texts.get() or get_domain().get_translations()
