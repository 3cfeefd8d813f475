"""A served portal whose October is being filed, on a database of its own; a network for each journey."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page
from werkzeug.serving import make_server

from portal import accounts, clocks
from portal.access import act_as
from portal.app import Portal
from portal.core import clock
from portal.core.db import db, finish
from portal.core.scope import CLOSED, enter
from tests.conftest import NOW, Hands, an_app
from tests.factories import PASSWORD, World, a_world

_numbers = count(1)


@dataclass
class House:
    """Where it is served; `opened` lists what axe looked at."""

    app: Portal
    address: str
    hands: Hands = field(default_factory=Hands)  # the clock of the served portal
    opened: list[str] = field(default_factory=list)

    def a_world(self, *who: str, furnish: Callable[[World], None] = lambda world: None) -> World:
        """A network of its own, with a password for these people; `furnish` files what is there already."""
        with self.app.app_context():
            world = a_world(f"j{next(_numbers)}", now=NOW)
            for name in who:
                person = accounts.person_by_identifier(world.email(name))
                assert person is not None
                accounts.set_password(person, PASSWORD)
            finish(good=True)
            furnish(world)
            finish(good=True)
            db.session.remove()
        act_as(None)
        enter(CLOSED)
        return world

    def look(self, page: Page) -> None:
        """What every page must keep to: axe finds nothing, and nothing runs out of the window."""
        found = Axe().run(page)
        assert found.violations_count == 0, f"{page.url}\n{found.generate_report()}"
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{page.url} runs {wide} px over the edge"
        self.opened.append(page.url)

    def sign_in(self, page: Page, world: World, who: str) -> None:
        page.goto(f"{self.address}/login")
        page.fill("input[name=identifier]", world.email(who))
        page.fill("input[name=password]", PASSWORD)
        page.locator("button.btn-lg[type=submit]").click()
        page.wait_for_url(f"{self.address}/")

    def sweep(self) -> None:
        """What the worker does each minute."""
        with self.app.app_context():
            clocks.sweep_all(clock.now())
            finish(good=True)
            db.session.remove()


@contextmanager
def served(clone: Callable[[str], str], data: Path, name: str = "filing") -> Iterator[House]:
    patch = pytest.MonkeyPatch()
    hands = Hands()
    patch.setattr(clock, "now", lambda: hands.moment)
    app = an_app(clone(name), data)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield House(app, f"http://127.0.0.1:{server.server_port}", hands)
    finally:
        server.shutdown()
        thread.join(10)
        with app.app_context():
            db.engine.engine.dispose()
        patch.undo()
