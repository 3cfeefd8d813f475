"""The embedded PostgreSQL through what breaks launchers: odd paths, crashes, reused ids, several users, root."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from portal.core import postgres
from portal.core.postgres import places, programs

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can try what root does")

USER = textwrap.dedent("""
    import os, signal, sys
    from pathlib import Path
    import importlib.metadata, psutil, psycopg
    from portal.core import postgres
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    account = int(sys.argv[2])
    if account:
        os.setgroups([]); os.setgid(account); os.setuid(account)
    print(postgres.start(Path(sys.argv[1])), flush=True)
    sys.stdin.readline()  # until it is told to end, or its pipe does
""")


class User:
    """Another process that uses the embedded database."""

    def __init__(self, folder: Path, account: int = 0):
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER, str(folder), str(account)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def url(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def leave(self, how: int | None = None) -> None:
        if how is not None:
            self.process.send_signal(how)
        self.process.communicate("end\n" if how is None else None, timeout=60)


@pytest.fixture(autouse=True)
def a_user_of_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """`release` lets go of all that a process uses: not of the server that the other tests run on."""
    monkeypatch.setattr(postgres, "_held", {})


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder that any account may enter, unlike pytest's own."""
    place = Path(tempfile.mkdtemp(prefix="portal-test-"))
    place.chmod(0o755)
    yield place
    for room in place.rglob("postgres/users"):
        postgres.stop(room.parents[1], even_if_used=True)
    for pointer in place.rglob("postgres/elsewhere"):
        shutil.rmtree(pointer.read_text(), ignore_errors=True)
    shutil.rmtree(place)


@pytest.fixture
def user(folder: Path) -> Iterator[Callable[..., User]]:
    users: list[User] = []

    def begin(data: Path = folder, account: int = 0) -> User:
        users.append(User(data, account))
        return users[-1]

    yield begin
    for each in users:
        each.process.kill()
        with each.process:
            pass  # closes its pipes


def asked(url: str, query: str) -> Any:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(query).fetchone()  # type: ignore[arg-type]
        return row[0] if row else None


def told(url: str, command: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(command)  # type: ignore[arg-type]


def postmaster(folder: Path) -> psutil.Process:
    pid_file = next(places.home_of(folder / "postgres").glob("data/postmaster.pid"))
    return psutil.Process(int(pid_file.read_text().split()[0]))


def until(true: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.02)


@pytest.mark.parametrize(
    "name",
    ["with a space", "门户 数据", "comma,'quote\"%41+&=#?@:x", "long" * 30],
    ids=["space", "chinese", "marks", "longer than a socket's path may be"],
)
def test_any_path(folder: Path, name: str) -> None:
    url = postgres.start(folder / name)
    try:
        assert asked(url, "SELECT current_user") == "postgres"
        assert asked(url, "SELECT lower('ÄÖ') || ('门' ~ '\\w')::text") == "äötrue"
        assert asked(url, "SHOW fsync") == "on"
        assert asked(url, "SHOW listen_addresses") == ""
        assert asked(url, "SHOW data_directory") == str(folder / name / "postgres" / "data")
    finally:
        postgres.release()
    assert not postgres.is_running(folder / name)


def test_settings_of_the_environment_do_not_mislead_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("PGDATA", "/nowhere")
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setenv("PORTAL_PG_SHARED_BUFFERS", "16MB")
    url = postgres.start(folder)
    assert asked(url, "SHOW shared_buffers") == "16MB"
    assert asked(url, "SELECT datctype FROM pg_database LIMIT 1") == programs.LOCALE
    postgres.release()


def test_a_server_that_cannot_start_says_why(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTAL_PG_SHARED_BUFFERS", "a lot")
    with pytest.raises(postgres.PostgresError, match="shared_buffers"):
        postgres.start(folder)
    postgres.release()
    assert not postgres.is_running(folder)


def test_asking_makes_nothing(folder: Path) -> None:
    assert not postgres.is_running(folder)
    assert postgres.stop(folder) is False
    assert list(folder.iterdir()) == []


def test_many_start_at_once_and_the_last_one_stops_it(folder: Path, user: Callable[..., User]) -> None:
    users = [user() for _ in range(4)]
    urls = {each.url() for each in users}
    assert len(urls) == 1
    for each in users[:-1]:
        each.leave()
        assert postgres.is_running(folder)
    users[-1].leave(signal.SIGTERM)
    assert not postgres.is_running(folder)


def test_a_killed_user_leaves_it_to_the_next_one(folder: Path, user: Callable[..., User]) -> None:
    killed = user()
    url = killed.url()
    server = postmaster(folder)
    killed.leave(signal.SIGKILL)
    assert asked(url, "SELECT 1") == 1

    following = user()
    assert following.url() == url
    assert postmaster(folder) == server
    following.leave()
    assert not postgres.is_running(folder)


@pytest.mark.slow
def test_a_killed_server_starts_again_with_all_that_was_committed(folder: Path) -> None:
    url = postgres.start(folder)
    told(url, "CREATE TABLE kept AS SELECT 42 AS answer")
    busy = psycopg.connect(url, autocommit=True)
    backend = psutil.Process(busy.info.backend_pid)
    busy.pgconn.send_query(
        b"DO 'BEGIN LOOP END LOOP; END'"
    )  # a backend that never notices that its server died
    postmaster(folder).kill()
    until(lambda: not postgres.is_running(folder))

    assert postgres.start(folder) == url
    assert asked(url, "SELECT answer FROM kept") == 42
    assert not backend.is_running() or backend.status() == psutil.STATUS_ZOMBIE
    busy.close()
    postgres.release()


def test_a_zombie_is_no_server(folder: Path, user: Callable[..., User]) -> None:
    first = user()  # it started the server and never asks how it fares: the dead server stays a zombie
    url = first.url()
    dead = postmaster(folder)
    dead.kill()
    until(lambda: dead.status() == psutil.STATUS_ZOMBIE)
    assert not postgres.is_running(folder)
    assert postgres.start(folder) == url
    assert asked(url, "SELECT 1") == 1
    postgres.release()
    assert postgres.is_running(folder)  # the first one is still there
    first.leave()
    assert not postgres.is_running(folder)


def test_switched_off_hard_and_the_process_ids_belong_to_others_now(folder: Path) -> None:
    url = postgres.start(folder)
    told(url, "CREATE TABLE kept AS SELECT 42 AS answer")
    server = postmaster(folder)
    pid_file = folder / "postgres" / "data" / "postmaster.pid"
    left = pid_file.read_text()
    for process in [server, *server.children(recursive=True)]:
        process.kill()
    until(lambda: not postgres.is_running(folder))
    for file in (pid_file, pid_file.with_name(".s.PGSQL.5432.lock")):
        file.write_text(left.replace(str(server.pid), str(os.getpid()), 1))
    assert not postgres.is_running(folder)
    assert asked(postgres.start(folder), "SELECT answer FROM kept") == 42
    postgres.release()


def test_killed_while_the_cluster_is_made(folder: Path, user: Callable[..., User]) -> None:
    first = user()
    until(lambda: any(folder.glob("postgres/new-*/PG_VERSION")))
    first.leave(signal.SIGKILL)
    assert not (folder / "postgres" / "data").exists()
    assert asked(postgres.start(folder), "SELECT 1") == 1
    postgres.release()


def test_stop_refuses_while_others_use_it(folder: Path, user: Callable[..., User]) -> None:
    other = user()
    url = other.url()
    with pytest.raises(postgres.PostgresError, match="use"):
        postgres.stop(folder)
    assert asked(url, "SELECT 1") == 1
    assert postgres.start(folder) == url
    with pytest.raises(postgres.PostgresError, match="use"):
        postgres.stop(folder)
    assert folder.resolve() / "postgres" in postgres._held  # refused: still a user of it
    assert postgres.stop(folder, even_if_used=True)
    assert not postgres.is_running(folder)
    other.leave()


def test_stop_of_what_a_kill_left_behind(folder: Path, user: Callable[..., User]) -> None:
    killed = user()
    killed.url()
    killed.leave(signal.SIGKILL)
    assert postgres.stop(folder) is True
    assert postgres.stop(folder) is False


def test_stop_by_its_only_user(folder: Path) -> None:
    postgres.start(folder)
    assert postgres.stop(folder) is True
    assert asked(postgres.start(folder), "SELECT 1") == 1
    postgres.release()


def test_a_forked_child_stops_nothing(folder: Path) -> None:
    url = postgres.start(folder)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:  # no assertion here: pytest must not run twice
        postgres.release()
        os.write(writing, b"released")
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 20) == b"released"
    os.close(reading), os.close(writing)
    assert asked(url, "SELECT 1") == 1
    postgres.release()
    assert not postgres.is_running(folder)


def test_the_log_names_no_customer(folder: Path) -> None:
    url = postgres.start(folder)
    told(url, "CREATE TABLE customer (phone text PRIMARY KEY)")
    for _ in range(2):
        try:
            told(url, "INSERT INTO customer VALUES ('13800138000')")
        except psycopg.errors.UniqueViolation:
            break
    log = (folder / "postgres" / "server.log").read_text()
    assert "duplicate key" in log
    assert "13800138000" not in log
    postgres.release()


def test_a_machines_own_postgresql_will_do(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "WHEELS", ())
    if not any(programs.major_of(found) >= programs.OLDEST_MAJOR for found in programs.candidates()):
        pytest.skip("there is no PostgreSQL on this machine")
    url = postgres.start(folder)
    assert asked(url, "SELECT lower('Ä') || ('门' ~ '\\w')::text") == "ätrue"
    postgres.release()


def test_another_major_version_is_told_apart(folder: Path) -> None:
    postgres.start(folder)
    postgres.release()
    (folder / "postgres" / "data" / "PG_VERSION").write_text("99\n")
    with pytest.raises(postgres.PostgresError, match="made by PostgreSQL 99"):
        postgres.start(folder)
    postgres.release()


@pytest.mark.slow
@as_root
def test_root_runs_it_as_nobody_without_opening_its_own_folders(folder: Path) -> None:
    closed = folder / "root's home"
    closed.mkdir(mode=0o700)
    url = postgres.start(closed / "portal")
    server = postmaster(closed / "portal")
    assert server.uids().real == NOBODY
    home = Path((closed / "portal" / "postgres" / "elsewhere").read_text())
    assert home.parent == Path("/var/lib")
    assert closed.stat().st_mode & 0o777 == 0o700
    told(url, "CREATE TABLE mine AS SELECT 1")
    postgres.release()

    shutil.copytree(closed / "portal", closed / "copy")  # a copy gets a database of its own
    assert asked(postgres.start(closed / "copy"), "SELECT to_regclass('mine')") is None
    (closed / "portal").rename(closed / "moved")  # what was moved keeps its own
    assert asked(postgres.start(closed / "moved"), "SELECT to_regclass('mine')") == "mine"
    postgres.release()
    (closed / "moved").rename(folder / "away")
    assert asked(postgres.start(closed / "moved"), "SELECT to_regclass('mine')") is None  # a new one is new
    postgres.release()


@pytest.mark.slow
@as_root
def test_programs_that_nobody_can_reach_are_copied(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = next(programs.candidates())
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    package = original.parents[1]
    shutil.copytree(original.parent, closed / package.name / original.parent.name, symlinks=True)
    libraries = package.with_name(package.name + ".libs")
    if libraries.exists():
        shutil.copytree(libraries, closed / libraries.name, symlinks=True)
    monkeypatch.setattr(
        programs, "candidates", lambda: iter([closed / package.name / original.parent.name / "bin"])
    )
    assert asked(postgres.start(folder / "data"), "SELECT 1") == 1
    postgres.release()


@pytest.mark.slow
@as_root
def test_two_ordinary_accounts_side_by_side(folder: Path, user: Callable[..., User]) -> None:
    if not places.open_to_all(ROOT):
        pytest.skip("ordinary accounts cannot read this folder")
    users = []
    for account in (NOBODY, 1):
        data = folder / ("long" * 30 + str(account))
        data.mkdir()
        os.chown(data, account, account)
        users.append(user(data, account))
    for each in users:
        assert asked(each.url(), "SELECT 1") == 1
    for each in users:
        each.leave()


@as_root
def test_root_after_the_owner(folder: Path, user: Callable[..., User]) -> None:
    if not places.open_to_all(ROOT):
        pytest.skip("ordinary accounts cannot read this folder")
    os.chown(folder, 1, 1)
    owner = user(account=1)
    owner.url()
    owner.leave()
    postgres.start(folder)
    assert postmaster(folder).uids().real == 1
    postgres.release()
    again = user(account=1)
    assert asked(again.url(), "SELECT 1") == 1
    again.leave()


def test_a_folder_of_that_name_made_by_somebody_else_is_refused(folder: Path) -> None:
    data = folder / ("long" * 30)
    cluster = places.Cluster((data / "postgres").resolve(), (data / "postgres").resolve())
    cluster.socket_folder.symlink_to(folder)
    try:
        with pytest.raises((postgres.PostgresError, OSError)):
            postgres.start(data)
    finally:
        cluster.socket_folder.unlink()
        postgres.release()
