"""The demonstration, served: who signs in, which pages each one finds by its links, and what those say."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit
from zoneinfo import ZoneInfo

import pytest
from babel.messages.pofile import read_po
from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException
from werkzeug.serving import make_server

from config.settings import ROOT
from portal.access import act_as
from portal.app import Portal
from portal.core import clock
from portal.core.db import db
from portal.core.scope import CLOSED, enter
from portal.demonstration import cast, load
from tests.conftest import an_app

NOW = datetime(2026, 11, 6, 9, 30, tzinfo=ZoneInfo("Asia/Shanghai"))
"""Where the demonstration's clock stands: the dealers' deadline has passed, the regions' has not."""
EVERYBODY = {
    line.split()[0]: line.split()[3]
    for text in (cast.MACHINE_PEOPLE, cast.PEOPLE)
    for line in text.strip().splitlines()
}
"""Who stands on the sign-in page, with the role there."""
PEOPLE = {role: who for who, role in EVERYBODY.items() if who.endswith(("qingyu.example", "hengju.example"))}
"""One person of the first brand for each role."""
ROOMS = {"home", "customer_files", "customers", "accounts", "audit", "notices", "rulebook"}
"""The rooms of the month. The others' pages are crawled for their links and words, and looked at by their own tests."""
FILES = re.compile(r"\.(xlsx|pdf|csv|json|svg|zip)$|^/(static|bootstrap|documents)/|/documents/")
TELLING = ("tab", "state", "what", "show", "by")
"""Parts of a query string that make another page of it; others (a cursor, a unit) only show other rows."""


@dataclass
class Found:
    """A page that somebody came to by links."""

    who: str
    path: str
    endpoint: str
    telling: tuple[tuple[str, str], ...]
    status: int
    html: str

    @property
    def room(self) -> str:
        return self.endpoint.partition(".")[0]


@dataclass
class Theatre:
    """The demonstration behind an address."""

    app: Portal
    address: str
    seen: dict[str, list[Found]] = field(default_factory=dict)
    english: dict[str, FlaskClient] = field(default_factory=dict)

    def client(self, who: str, language: str) -> FlaskClient:
        """Somebody of the sign-in page, signed in."""
        client = self.app.test_client()
        client.__class__ = FlaskClient  # pages are inspected where they are made; here they are many
        client.set_cookie("lang", language)
        page = client.get("/login").text
        hidden = dict(re.findall(r'<input[^>]*type="hidden"[^>]*name="([^"]+)"[^>]*value="([^"]*)"', page))
        answer = client.post("/login", data=hidden | {"identifier": who, "password": cast.PASSWORD})
        assert answer.status_code == 302, f"{who}: {answer.status_code}"
        return client

    def in_english(self, page: Found) -> str:
        """The same page for the same person, in English."""
        if page.who not in self.english:
            self.english[page.who] = self.client(page.who, "en")
        answer = self.english[page.who].get(page.path)
        assert answer.status_code == page.status, f"{page.who} {page.path}: {answer.status_code}"
        return answer.text

    def endpoint_of(self, path: str) -> str | None:
        try:
            return str(self.app.url_map.bind("localhost").match(path)[0])
        except HTTPException:
            return None

    def pages(self, who: str) -> list[Found]:
        """Every kind of page that this person comes to by links from the start page, in Chinese; each kind once."""
        if who not in self.seen:
            self.seen[who] = self._crawl(who)
        return self.seen[who]

    def kinds(self) -> list[Found]:
        """One page of each kind over all roles; start page and menu once for each role."""
        chosen: dict[Any, Found] = {}
        for role, who in PEOPLE.items():
            for page in self.pages(who):
                own = role if page.endpoint in ("home.start", "home.menu") else ""
                chosen.setdefault((page.endpoint, own, page.telling), page)
        return list(chosen.values())

    def _crawl(self, who: str) -> list[Found]:
        """A breadth-first walk over links. What a program reads, and what asks to choose a language, is left out."""
        client, found = self.client(who, "zh"), []
        kinds: set[Any] = set()
        waiting = ["/", "/menu", "/no-such-page"]
        while waiting:
            link = waiting.pop(0)
            path, query = urlsplit(link).path, urlsplit(link).query
            endpoint = self.endpoint_of(path) or "error"
            telling = tuple(sorted((k, v) for k, v in parse_qsl(query) if k in TELLING))
            if FILES.search(path) or "lang=" in query or (endpoint, telling) in kinds:
                continue
            kinds.add((endpoint, telling))
            answer = client.get(link)
            if answer.status_code in (302, 303):
                waiting.insert(0, answer.headers["Location"])
            if answer.mimetype != "text/html" or answer.status_code in (302, 303):
                answer.close()
                continue
            found.append(Found(who, link, endpoint, telling, answer.status_code, answer.text))
            for href in re.findall(r'<a [^>]*href="([^"#]+)', answer.text):
                near = urlsplit(urljoin(f"http://localhost{link}", href.replace("&amp;", "&")))
                if near.netloc == "localhost":
                    waiting.append(near.path + (f"?{near.query}" if near.query else ""))
        return found


@contextmanager
def open_theatre(clone: Callable[[str], str], data: Path) -> Iterator[Theatre]:
    """The demonstration on a database of its own, its clock standing."""
    patch = pytest.MonkeyPatch()
    app = an_app(clone("demonstration"), data)
    with app.app_context():
        load(NOW)
        db.session.remove()
    act_as(None)
    enter(CLOSED)
    patch.setattr(clock, "now", lambda: NOW)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Theatre(app, f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        thread.join(10)
        with app.app_context():
            db.engine.engine.dispose()
        patch.undo()


# --- what a page says, and in which language -----------------------------------------------------------------------


class Words(HTMLParser):
    """Every piece of text that a page shows or speaks, without code and without what is marked as another language."""

    SILENT = ("script", "style", "textarea", "kbd", "code", "pre")
    SPOKEN = ("aria-label", "placeholder", "alt", "title", "data-template")

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._silent: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        other = tag != "html" and "lang" in given
        begins = not self._silent and (tag in self.SILENT or other)
        if begins or (self._silent and tag == self._silent[0]):
            self._silent.append(tag)
        if not self._silent:
            self.pieces += [str(given[name]) for name in self.SPOKEN if given.get(name)]

    def handle_endtag(self, tag: str) -> None:
        if self._silent and self._silent[-1] == tag:
            self._silent.pop()

    def handle_data(self, data: str) -> None:
        words = " ".join(data.split())
        if words and not self._silent:
            self.pieces.append(words)


@dataclass
class Dictionary:
    """The portal's texts in both languages, to be found again on a page."""

    pairs: list[tuple[str, str]]

    @classmethod
    def read(cls) -> "Dictionary":
        pairs = []
        for catalogue in sorted((ROOT / "translations" / "zh_Hans_CN" / "LC_MESSAGES").glob("*.po")):
            with catalogue.open("rb") as opened:
                for message in read_po(opened):
                    ids = message.id if isinstance(message.id, tuple) else (message.id,)
                    texts = message.string if isinstance(message.string, tuple) else (message.string,)
                    pairs += [(str(one), str(text)) for one in ids for text in texts if one and text]
        return cls(pairs)

    @cached_property
    def english(self) -> "Phrases":
        return Phrases([one for one, text in self.pairs if one != text and re.search("[A-Za-z]{3}", one)])

    @cached_property
    def chinese(self) -> "Phrases":
        return Phrases([text for one, text in self.pairs if re.search("[\u4e00-\u9fff]", text)])


class Phrases:
    """Texts of one language; those with placeholders are patterns."""

    PLACE = re.compile(r"%\(\w+\)[sd]|\{\w+\}")

    def __init__(self, texts: list[str]) -> None:
        self._plain = {" ".join(text.split()) for text in texts if not self.PLACE.search(text)}
        patterns = []
        for text in texts:
            fixed = self.PLACE.sub("", text)
            if self.PLACE.search(text) and len(re.findall("[A-Za-z\u4e00-\u9fff]", fixed)) > 5:
                parts = [
                    re.escape(part.replace("%%", "%")) for part in self.PLACE.split(" ".join(text.split()))
                ]
                patterns.append(".{1,80}".join(parts))
        self._patterns = re.compile("|".join(f"(?:{each})" for each in dict.fromkeys(patterns)))

    def holds(self, piece: str) -> bool:
        return piece in self._plain or bool(self._patterns.fullmatch(piece))


def left_over(html: str, phrases: Phrases, allowed: frozenset[str] = frozenset()) -> list[str]:
    """Pieces of a page that are texts of the other language."""
    pieces: dict[str, Any] = dict.fromkeys(Words(html).pieces)
    return [piece for piece in pieces if piece not in allowed and phrases.holds(piece)]
