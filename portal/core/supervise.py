"""`flask serve`: one parent that keeps the web server, one worker and the embedded database alive.

The parent holds the listening socket, so a request that comes while the web server is being restarted waits
instead of being refused, and it alone holds the embedded database: the children get its URL in their
environment. No child outlives the parent (`portal.core.tied`).
"""

import http.client
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

from portal.core import postgres, tied

ROOT = Path(__file__).resolve().parents[2]
GRACE = 25.0  # seconds that web server and worker have to finish what they are at
LOOK = 0.25  # seconds between two looks at children and database
LONGEST_PAUSE = 10.0  # seconds between two starts of a child that dies again and again
STEADY = 30.0  # seconds after which a child counts as healthy again
TRIES = 3  # deaths of a child before the portal was ever ready: then something is wrong, and we say so
HIGHEST_PORT = 65_535
SILENCE = 30  # seconds that a client may be silent in the middle of a request; then its connection is closed
DATABASE_PAUSE = 5.0  # seconds between two tries to start a database that does not start (a full disk, say)


class ServeError(RuntimeError):
    """The portal cannot be served; the text is a sentence for the person at the keyboard."""


class Child:
    """A program that is started again when it dies, each time after a longer pause."""

    def __init__(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], fds: Sequence[int] = ()
    ) -> None:
        self.name = name
        self.deaths = 0
        self._command = list(command)
        self._environment = dict(environment)
        self._fds = tuple(fds)
        self._due = self._begun = 0.0
        self._process: subprocess.Popen[bytes] | None = None

    def tend(self) -> None:
        """Start it, if it does not run and its pause is over."""
        now = time.monotonic()
        if self._process is not None and self._process.poll() is not None:
            self.deaths = 1 if now - self._begun > STEADY else self.deaths + 1
            self._due = now + min(LONGEST_PAUSE, LOOK * 2 ** (self.deaths - 1))
            why = _reason(self._process.returncode)
            _say(f"The {self.name} ended by itself ({why}); it is started again.")
            self._process = None
        if self._process is None and now >= self._due:
            self._begun = now
            self._process = tied.begin(
                self._command, folder=ROOT, environment=self._environment, fds=self._fds
            )

    def tell(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def ended_by(self, moment: float) -> bool:
        """Wait until it has ended, at most until `moment` (monotonic)."""
        if self._process is None:
            return True
        try:
            self._process.wait(max(0.0, moment - time.monotonic()))
        except subprocess.TimeoutExpired:
            return False
        return True


def serve(
    host: str,
    port: int,
    *,
    database_url: str,
    embedded_in: Path | None = None,
    web_processes: int = 2,
    web_threads: int = 4,
) -> None:
    """Serve until Ctrl-C or SIGTERM, then return with nothing left running.

    The children get `database_url`; `embedded_in` is the data folder whose embedded database is kept alive.
    Raises ServeError or PostgresError.
    """
    with _listening(host, port) as listener:
        around = {**os.environ, "DATABASE_URL": database_url}
        web = [
            *(sys.executable, "-m", "gunicorn", "wsgi:app", "--bind", f"fd://{listener.fileno()}"),
            *(
                "--worker-class",
                "portal.core.web.Worker",
                "--workers",
                str(web_processes),
                "--threads",
                str(web_threads),
            ),
            *("--timeout", "120", "--graceful-timeout", str(int(GRACE) - 5), "--keep-alive", "5"),
            *(
                "--log-level",
                "warning",
                "--no-control-socket",
                "--config",
                "python:config.gunicorn",
            ),
        ]  # no access log: the portal writes its own
        worker = [sys.executable, "-m", "flask", "--app", "wsgi", "work"]
        children = [Child("web server", web, around, [listener.fileno()]), Child("worker", worker, around)]
        handlers = {number: signal.signal(number, _leave) for number in _ending_signals()}
        try:
            _keep(children, embedded_in, *listener.getsockname()[:2])
        except SystemExit:
            _say("Stopping: what is being worked on is finished first.")
        finally:
            for number in handlers:
                signal.signal(number, signal.SIG_IGN)
            _end(children)
            postgres.release()
            for number, handler in handlers.items():
                signal.signal(number, handler)


def _keep(children: list[Child], embedded_in: Path | None, host: str, port: int) -> None:
    ready = False
    look_again = 0.0
    while True:
        if embedded_in and time.monotonic() >= look_again and not _runs(embedded_in, may_fail=ready):
            look_again = time.monotonic() + DATABASE_PAUSE
        for child in children:
            child.tend()
            if not ready and child.deaths >= TRIES:
                raise ServeError(f"The {child.name} does not start; its own words stand above.")
        if not ready and _answers(host, port):
            ready = True
            shown = f"[{host}]" if ":" in host else host
            _say(f"The portal is ready: http://{shown}:{port} (Ctrl-C ends it)")
        time.sleep(LOOK)


def _runs(data_folder: Path, *, may_fail: bool) -> bool:
    """Start the database if it died. Until it is back the portal answers 503: better than no answer."""
    if postgres.is_running(data_folder):
        return True
    try:
        postgres.start(data_folder)
    except postgres.PostgresError as error:
        if not may_fail:
            raise
        _say(f"{error} It is tried again.")
        return False
    return True


def _end(children: list[Child]) -> None:
    """All at once, in their own time; who takes too long is killed."""
    for child in children:
        child.tell(signal.SIGTERM)
    until = time.monotonic() + GRACE
    for child in children:
        if not child.ended_by(until):
            child.tell(signal.SIGKILL)
            child.ended_by(time.monotonic() + 5)


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def _ending_signals() -> list[signal.Signals]:
    under_nohup = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return [signal.SIGTERM, signal.SIGINT, *([] if under_nohup else [signal.SIGHUP])]


def _listening(host: str, port: int) -> socket.socket:
    if not 0 <= port <= HIGHEST_PORT:
        raise ServeError(f"There is no port {port}.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=512)
    except OSError as error:
        raise ServeError(
            f"Port {port} of {host} cannot be had ({error.strerror}): give another one."
        ) from None
    # Every connection inherits it: a few that begin a request and never end it would else hold all threads.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", SILENCE, 0))
    return listener


def _answers(host: str, port: int) -> bool:
    """Whether the portal says that it is well. A connection alone means nothing: our socket takes it."""
    near = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    asking = http.client.HTTPConnection(near, port, timeout=1)
    try:
        asking.request("GET", "/healthz")
        return asking.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        asking.close()


def _reason(returned: int) -> str:
    return signal.Signals(-returned).name if returned < 0 else f"exit {returned}"


def _say(sentence: str) -> None:
    print(sentence, flush=True)
