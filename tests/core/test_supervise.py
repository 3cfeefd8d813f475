"""`flask serve`'s parent with real processes: a tiny portal stands in for ours."""

import contextlib
import http.client
import os
import queue
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from portal.core import postgres, supervise

ROOT = Path(__file__).resolve().parents[2]

PORTAL = textwrap.dedent("""
    import os, time
    from pathlib import Path
    import click, psycopg
    from flask import Flask

    app = Flask(__name__)

    @app.get("/healthz")
    def healthz():
        with psycopg.connect(os.environ["DATABASE_URL"], connect_timeout=2) as connection:
            return str(connection.info.backend_pid)

    @app.get("/slow")
    def slow():
        time.sleep(1.5)
        return "whole"

    @app.cli.command("work")
    def work():
        Path("worker").write_text(str(os.getpid()))
        time.sleep(600)
""")

SERVE = textwrap.dedent("""
    import sys
    from pathlib import Path
    from portal.core import postgres, supervise
    folder, port = Path(sys.argv[1]), int(sys.argv[2])
    supervise.ROOT = folder
    try:
        data = folder / "data"
        supervise.serve("127.0.0.1", port, database_url=postgres.start(data), embedded_in=data)
    except supervise.ServeError as error:
        sys.exit(str(error))
""")


class Served:
    def __init__(self, folder: Path, port: int):
        self.folder, self.port = folder, port
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(folder), str(port)],
            cwd=ROOT,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
            },  # its children run in the folder, the web worker is ours
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        """All the time: who writes into a pipe that nobody empties stands still as soon as it is full."""
        assert self.process.stdout
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def until_said(self, words: str) -> str:
        heard = []
        while line := self._lines.get(timeout=60):
            heard.append(line)
            if words in line:
                return line
        raise AssertionError("".join(heard))

    def get(self, path: str = "/healthz") -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def web(self) -> psutil.Process:
        return next(each for each in self.children() if "gunicorn" in " ".join(each.cmdline()))

    def worker(self) -> psutil.Process:
        return next(each for each in self.children() if each.cmdline()[-1] == "work")

    def children(self) -> list[psutil.Process]:
        alive = psutil.Process(self.process.pid).children()
        return [each for each in alive if not ended([each])]

    def everything(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)


@pytest.fixture
def folder() -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix="portal-test-"))
    place.chmod(0o755)
    (place / "wsgi.py").write_text(PORTAL)
    yield place
    postgres.stop(place / "data", even_if_used=True)
    shutil.rmtree(place)


@pytest.fixture
def served(folder: Path) -> Iterator[Served]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    each = Served(folder, port)
    yield each
    if each.process.poll() is None:
        each.process.kill()
    with each.process:
        pass  # closes its pipe


def until(true: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.05)


def ended(processes: list[psutil.Process]) -> bool:
    return all(map(_has_ended, processes))


def _has_ended(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # between the two questions
        return True


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_the_end_is_graceful_and_leaves_nothing(served: Served, how: signal.Signals) -> None:
    line = served.until_said("ready")
    assert f"http://127.0.0.1:{served.port}" in line
    assert served.get()[0] == 200
    all_of_it = served.everything()
    assert any("postgres" in each.name() for each in all_of_it)

    request = http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)
    request.request("GET", "/slow")
    time.sleep(0.3)
    served.process.send_signal(how)
    answer = request.getresponse()
    assert (answer.status, answer.read()) == (200, b"whole")
    request.close()
    assert served.process.wait(30) == 0
    assert ended(all_of_it)


def is_worker(each: psutil.Process) -> bool:
    """Whether it is the job worker; one that has just died has no command line any more."""
    try:
        return each.cmdline()[-1:] == ["work"]
    except psutil.Error:
        return False


@pytest.mark.slow
def test_what_dies_comes_back(served: Served) -> None:
    served.until_said("ready")
    pid_file = served.folder / "data" / "postgres" / "data" / "postmaster.pid"

    web = served.web()
    web_workers = web.children()
    web.kill()
    assert served.get()[0] == 200  # it waits for the next web server, nobody is refused
    until(lambda: ended(web_workers))

    worker = served.worker()
    worker.kill()
    until(lambda: any(is_worker(each) and each != worker for each in served.children()))

    psutil.Process(int(pid_file.read_text().split()[0])).kill()
    began = time.monotonic()

    def well() -> bool:
        return served.get()[0] == 200

    until(well, 10)
    assert time.monotonic() - began < 5


@pytest.mark.slow
def test_no_child_outlives_a_killed_parent_and_the_next_one_finds_all_well(served: Served) -> None:
    served.until_said("ready")
    children = [each for each in served.everything() if "postgres" not in each.name()]
    served.process.kill()
    until(lambda: ended(children))
    again = Served(served.folder, served.port)
    try:
        again.until_said("ready")
        again.process.terminate()
        assert again.process.wait(30) == 0
    finally:
        with again.process:
            again.process.kill()
    assert not postgres.is_running(served.folder / "data")


@pytest.mark.slow
def test_a_portal_that_cannot_start_is_given_up(served: Served) -> None:
    (served.folder / "wsgi.py").write_text("raise SystemExit('the settings are wrong')")
    assert "does not start" in served.until_said("does not start")
    assert served.process.wait(30) == 1
    assert not postgres.is_running(served.folder / "data")


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(supervise.ServeError, match=f"Port {port} of 127.0.0.1 .*in use"):
            supervise.serve("127.0.0.1", port, database_url="postgresql://nowhere")


def test_a_client_that_falls_silent_holds_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each connection inherits the listener's patience, also where it is made blocking again (gunicorn does)."""
    monkeypatch.setattr(supervise, "SILENCE", 1)
    with supervise._listening("127.0.0.1", 0) as listener:
        listener.settimeout(None)
        with socket.create_connection(listener.getsockname()) as client:
            client.sendall(b"POST / HTTP/1.1\r\n")
            taken, _ = listener.accept()
            with taken:
                taken.settimeout(None)
                assert taken.recv(100).startswith(b"POST")
                with pytest.raises(BlockingIOError):
                    taken.recv(100)


def test_an_impossible_port_is_named() -> None:
    with pytest.raises(supervise.ServeError, match="70000"):
        supervise.serve("127.0.0.1", 70000, database_url="postgresql://nowhere")


PARENT = textwrap.dedent("""
    import os, sys, time
    from pathlib import Path
    from portal.core import tied
    child = tied.begin([sys.executable, "-c", sys.argv[2]], folder=Path("."), environment=os.environ,
                       by_kernel=sys.argv[1] == "kernel")
    if sys.argv[3:] == ["stop"]:
        time.sleep(0.7)
        child.terminate()
        sys.exit(child.wait())
    time.sleep(600)
""")
CHILD = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
WAYS = [
    pytest.param("kernel", marks=pytest.mark.skipif(sys.platform != "linux", reason="Linux only")),
    "pipe",
]


@pytest.mark.parametrize("way", WAYS)
def test_a_tied_child_ends_when_its_parent_is_killed(way: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, way, CHILD], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout
        child = psutil.Process(int(parent.stdout.readline()))
        assert child.is_running()
        parent.kill()
        until(lambda: ended([child]))


def test_a_guarded_child_gets_the_signal_of_its_guard() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, "pipe", CHILD, "stop"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout
        child = psutil.Process(int(parent.stdout.readline()))
        until(lambda: ended([child]))
        parent.wait(10)


@pytest.mark.slow
def test_the_parent_alone_holds_the_embedded_database(served: Served) -> None:
    served.until_said("ready")
    users = served.folder / "data" / "postgres" / "users"
    holders = []
    for each in served.everything():
        with contextlib.suppress(psutil.NoSuchProcess):  # the database's helpers come and go
            holders += [each.name() for file in each.open_files() if file.path == str(users)]
    assert holders == []
