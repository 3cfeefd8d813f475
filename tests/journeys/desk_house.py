"""A served portal with customers to call, on a database of its own, for the journeys in a browser."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from werkzeug.serving import make_server

from portal import accounts
from portal.access import act_as
from portal.core import clock
from portal.core.db import db, finish
from portal.core.scope import CLOSED, enter
from tests.conftest import NOW, an_app
from tests.factories import PASSWORD, World, a_world
from tests.return_visits.calling import consolidated
from tests.return_visits.calling import rows as some_rows

CALLING = datetime(2026, 11, 5, 9, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
WHO = ("agent", "agent2", "supervisor", "clerk", "region")


class House:
    """Where it is served, and its world."""

    def __init__(self, address: str, world: World) -> None:
        self.address = address
        self.world = world

    def sign_in(self, page, who: str) -> None:
        page.goto(f"{self.address}/login")
        page.fill("input[name=identifier]", self.world.email(who))
        page.fill("input[name=password]", PASSWORD)
        page.click("button.btn-lg[type=submit]")
        page.wait_for_url(f"{self.address}/")


@contextmanager
def served(clone: Callable[[str], str], data: Path, people: int) -> Iterator[House]:
    """A house in which `people` of D1 wait for their call; the clock stands at CALLING."""
    patch = pytest.MonkeyPatch()
    moment = [NOW]
    patch.setattr(clock, "now", lambda: moment[0])
    app = an_app(clone("desk"), data)
    with app.app_context():
        world = a_world("qy", now=NOW)
        for person in db.session.scalars(db.select(accounts.Person)):
            if (person.email or "").partition("@")[0] in WHO:
                accounts.set_password(person, PASSWORD)
        finish(good=True)
        # numbers and names that hold no signal, so that the order is the files' own
        given = [
            row | {"phone": f"13{place:02d}0{7919 * place % 1000000:06d}"}
            for place, row in enumerate(some_rows(people))
        ]
        consolidated(world, {"D1": given})
        finish(good=True)
    act_as(None)
    enter(CLOSED)
    moment[0] = CALLING
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield House(f"http://127.0.0.1:{server.server_port}", world)
    finally:
        server.shutdown()
        thread.join(10)
        with app.app_context():
            db.engine.engine.dispose()
        patch.undo()
