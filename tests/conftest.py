"""The test bench: a real PostgreSQL as portal_app, a template cloned for each worker, each test rolled back."""

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from flask import g
from flask.testing import FlaskClient
from psycopg import sql

from config.settings import ROOT, Settings
from portal.access import Actor, act_as
from portal.app import Portal, create_app
from portal.core import clock, postgres
from portal.core.db import db, libpq_url
from portal.core.schema import Database
from portal.core.scope import CLOSED, enter
from tests.factories import World, a_token, a_world
from tests.pages import Page

pytest_plugins = ["tests.chromium"]
NOW = datetime(2026, 11, 3, 10, 0, tzinfo=ZoneInfo("Asia/Shanghai")).astimezone(UTC)
"""The clock of tests stands: the third of November 2026, ten in the morning in Shanghai; October is being filed."""
CLONES = 7_201_009


def test_data() -> Path:
    """Where the test's database lives between runs, one for each checkout."""
    name = hashlib.sha256(str(ROOT).encode()).hexdigest()[:10]
    given = os.environ.get("PORTAL_TEST_DATA")
    return Path(given or Path(tempfile.gettempdir()) / f"portal-test-{os.geteuid()}-{name}")


def _digest_of_migrations() -> str:
    digest = hashlib.sha256()
    for source in sorted((ROOT / "migrations").rglob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:12]


@pytest.fixture(scope="session")
def server() -> str:
    """libpq URL of the server that tests run on."""
    return os.environ.get("TEST_DATABASE_URL") or postgres.start(test_data())


@pytest.fixture(scope="session")
def cloned(server: str, worker_id: str) -> Iterator[Callable[[str], str]]:
    """Clone the migrated template under a name; gives the clone's URL as whoever owns the server."""
    template = f"portal_template_{_digest_of_migrations()}"
    made: list[str] = []

    def clone(suffix: str) -> str:
        name = f"portal_test_{worker_id}_{os.getpid()}_{suffix}"
        with psycopg.connect(libpq_url(server, role=None), autocommit=True) as connection:
            connection.execute("SELECT pg_advisory_lock(%s)", (CLONES,))
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (template,)).fetchone():
                half = f"{template}_half"
                connection.execute(
                    sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(half))
                )
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(half)))
                Database(Settings(database_url=libpq_url(server, role=None, database=half))).make_ready()
                connection.execute(
                    sql.SQL("ALTER DATABASE {} RENAME TO {}").format(
                        sql.Identifier(half), sql.Identifier(template)
                    )
                )
            _drop_left_over(connection)
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                    sql.Identifier(name), sql.Identifier(template)
                )
            )
        made.append(name)
        return libpq_url(server, role=None, database=name)

    yield clone
    with psycopg.connect(libpq_url(server, role=None), autocommit=True) as connection:
        for name in made:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )


def _drop_left_over(connection: "psycopg.Connection[Any]") -> None:
    """Databases of test processes that were killed."""
    rows = connection.execute(
        "SELECT datname FROM pg_database WHERE datname LIKE 'portal\\_test\\_%'"
    ).fetchall()
    for (name,) in rows:
        pid = name.split("_")[3]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists() and Path("/proc/self").exists():
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )


@pytest.fixture(scope="session")
def worker_id(request: pytest.FixtureRequest) -> str:
    """'gw0' under xdist, else 'main'."""
    given = getattr(request.config, "workerinput", None)
    return given["workerid"] if given else "main"


def an_app(url: str, data: Path, **given: Any) -> Portal:
    """The application on this database, as tests have it; `given`: other settings."""
    settings = Settings(
        _env_file=None,  # type: ignore[call-arg]
        database_url=url,
        portal_data=data,
        portal_test=True,
        portal_now=None,
        portal_demo=False,
        portal_production=False,
        secret_key="test" * 10,
        **given,
    )
    made = create_app(settings)
    made.test_client_class = PageClient
    return made


@pytest.fixture(scope="session")
def _url(cloned: Callable[[str], str]) -> str:
    return cloned("db")


@pytest.fixture(scope="session")
def _session_app(_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    made = an_app(_url, tmp_path_factory.mktemp("data"))
    yield made
    with made.app_context():
        db.engine.engine.dispose()


@pytest.fixture(scope="session")
def _worlds(_session_app: Portal) -> tuple[World, World]:
    """Two networks of the same shape, made once for all tests."""
    patch = pytest.MonkeyPatch()
    patch.setattr(clock, "now", lambda: NOW)
    with _session_app.app_context():
        first = a_world("qy", now=NOW)
        second = a_world("zz", now=NOW, name="卓正地板")
        db.session.remove()
    act_as(None)
    enter(CLOSED)
    patch.undo()
    return first, second


@pytest.fixture(scope="session")
def _broom(_url: str, _worlds: tuple[World, World]) -> Iterator[Callable[[], None]]:
    """Takes away what a test wrote through `core.db.outside`, which no rollback reaches."""
    with psycopg.connect(_url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")  # the trail lets nobody else delete
        last = connection.execute("SELECT coalesce(max(id), 0) FROM event").fetchone()

        def sweep() -> None:
            connection.execute("DELETE FROM event WHERE id > %s", last)
            connection.execute("DELETE FROM throttle")
            connection.execute("DELETE FROM idempotency_key")

        yield sweep


class Hands:
    """Moves the clock of a test."""

    def __init__(self) -> None:
        self.moment = NOW

    def __call__(self, moment: datetime | str) -> datetime:
        """Set the clock to an instant; a text is Shanghai time: '2026-11-06 00:00:00'."""
        if isinstance(moment, str):
            moment = datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo("Asia/Shanghai"))
        self.moment = moment.astimezone(UTC)
        return self.moment

    def forward(self, **span: float) -> datetime:
        return self(self.moment + timedelta(**span))


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Hands:
    hands = Hands()
    monkeypatch.setattr(clock, "now", lambda: hands.moment)
    return hands


@pytest.fixture
def app(
    _session_app: Portal, _worlds: tuple[World, World], _broom: Callable[[], None], at: Hands
) -> Iterator[Portal]:
    """The application; everything that the test writes through its sessions is rolled back at its end."""
    with _session_app.app_context():
        engines = db.engines
        saved = dict(engines)
        open_ones = []
        for name, engine in saved.items():
            connection = engine.connect()
            open_ones.append((connection, connection.begin()))
            engines[name] = connection  # type: ignore[assignment]
        try:
            yield _session_app
        finally:
            db.session.remove()
            for connection, transaction in open_ones:
                transaction.rollback()
                connection.close()
            engines.update(saved)
            _broom()
            act_as(None)
            enter(CLOSED)


@pytest.fixture
def world(app: Portal, _worlds: tuple[World, World]) -> World:
    """The network 'qy'."""
    return _worlds[0]


@pytest.fixture
def other(app: Portal, _worlds: tuple[World, World]) -> World:
    """The network 'zz', of the same shape."""
    return _worlds[1]


class PageClient(FlaskClient):
    """A browser without script. Every page that a test opens is also inspected."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        for name in list(g):  # the test's context outlives its requests: who was signed in, the form's token
            g.pop(name)
        response = super().open(*args, **kwargs)
        odd = [value for _name, value in response.headers if not value.isascii()]
        assert not odd, f"gunicorn refuses headers that are not ASCII: {odd}"
        if response.mimetype == "text/html" and response.status_code not in (301, 302, 303, 307, 308):
            Page(response.text).inspect()
        return response

    def page(self, address: str, **kwargs: Any) -> Page:
        """GET a page that must be there."""
        response = self.get(address, **kwargs)
        assert response.status_code == 200, f"{address}: {response.status_code}"
        return Page(response.text)

    def send(self, address: str, form: dict[str, Any], *, page: str | None = None, **kwargs: Any) -> Any:
        """POST a form with the hidden fields of the page that it stands on (`page`, or the address itself)."""
        guard = Page(self.get(page or address).text).guard
        return self.post(address, data=guard | form, **kwargs)


@pytest.fixture
def browser_as(app: Portal) -> Callable[[Actor], PageClient]:
    """A signed-in browser without script."""

    def enter_as(actor: Actor) -> PageClient:
        client = app.test_client()
        person = db.session.execute(
            db.text("SELECT id || '|' || stamp FROM person WHERE id = :id"), {"id": actor.person_id}
        ).scalar_one()
        with client.session_transaction() as kept:
            kept["_user_id"] = person
            kept["_fresh"] = True
            kept["membership"] = actor.membership_id
            kept["seen"] = int(clock.now().timestamp())
        return client  # type: ignore[return-value]

    return enter_as


class ApiClient:
    """A program with a token. `lang` is its Accept-Language."""

    def __init__(self, app: Portal, token: str | None, lang: str = "en") -> None:
        self._client = app.test_client()
        self._headers = {"Accept-Language": lang}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    def request(self, method: str, path: str, **kwargs: Any) -> Any:
        headers = self._headers | kwargs.pop("headers", {})
        return self._client.open(f"/api/v1{path}", method=method, headers=headers, **kwargs)

    def get(self, path: str, **kwargs: Any) -> Any:
        return self.request("GET", path, **kwargs)

    def post(self, path: str, **kwargs: Any) -> Any:
        return self.request("POST", path, **kwargs)

    def patch(self, path: str, **kwargs: Any) -> Any:
        return self.request("PATCH", path, **kwargs)


@pytest.fixture
def api_as(app: Portal) -> Callable[..., ApiClient]:
    """A program acting as this person; None has no token."""

    def enter_as(actor: Actor | None, lang: str = "en") -> ApiClient:
        return ApiClient(app, a_token(actor, clock.now()) if actor else None, lang)

    return enter_as


@pytest.fixture
def samples() -> Path:
    """The shared sample files, where they lie beside the checkout."""
    folder = Path(os.environ.get("PORTAL_SHARED") or ROOT.parent / "shared") / "samples"
    if not folder.is_dir():
        pytest.skip("shared/samples is not beside this checkout")
    return folder
