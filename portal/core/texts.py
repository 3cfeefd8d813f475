"""Two languages: which one a reader gets, and where the catalogues come from (gettext, one domain a room)."""

from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask import Flask, g, has_request_context, request, session
from flask_babel import Babel, gettext, lazy_gettext, ngettext, pgettext

from config.settings import ROOT

__all__ = ["LANGUAGES", "gettext", "language", "lazy", "ngettext", "pgettext", "start"]

LANGUAGES = {"zh": "zh_Hans_CN", "en": "en"}
TRANSLATIONS = ROOT / "translations"
lazy = lazy_gettext


def language() -> str:
    """'zh' or 'en': asked for in the address, chosen before, the person's own, or the client's; zh otherwise."""
    if not has_request_context():
        return "zh"
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
    Babel(app, locale_selector=lambda: LANGUAGES[language()], timezone_selector=zone)
