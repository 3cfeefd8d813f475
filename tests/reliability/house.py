"""The portal as it runs in earnest: `flask serve` with its own embedded database, to be killed and started again."""

import contextlib
import csv
import io
import json
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import psutil
import psycopg
import requests
from psycopg.rows import tuple_row

from config.settings import ROOT
from portal.core.db import libpq_url
from portal.core.postgres.places import existing
from portal.core.postgres.server import postmaster, url_of

NETWORK = "jz"
CLOCK = "2026-11-03T10:00:00+08:00"
READY_WITHIN = 120.0
AGENTS = 4
TARGETS = ("web process", "web server", "worker", "supervisor", "database", "connection")
"""What is killed: one of gunicorn's processes, gunicorn itself, the worker, their parent, PostgreSQL, one backend."""

FAILED_JOBS = """
    SELECT task_name, queueing_lock IS NOT DISTINCT FROM task_name AS by_clock, count(*)
    FROM procrastinate_jobs WHERE status IN ('failed', 'aborted') GROUP BY 1, 2 ORDER BY 1
"""
CUT_OFF = re.compile(r"server closed the connection|terminating connection|connection (is|was|has been|to) ")

COMMANDS = """
import json, sys
from wsgi import app
for arguments in json.loads(sys.argv[1]):
    with app.app_context():
        done = app.test_cli_runner().invoke(args=arguments, catch_exceptions=False)
    if done.exit_code:
        sys.exit(done.output)
print(done.output)
"""


def until(true: Callable[[], bool], seconds: float, what: str) -> float:
    """Wait for something; gives the seconds that it took. Fails after `seconds`."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.05)
    return time.monotonic() - began


@dataclass
class House:
    """One installation in a folder of its own. `tokens` are its people's, by e-mail; a dealer's clerk's by its code."""

    folder: Path
    port: int
    tokens: dict[str, str] = field(default_factory=dict)
    now: str = CLOCK
    took: float = 20.0  # seconds that the last start took
    _said_before: int = 0
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PORTAL_")}
        kept.pop("DATABASE_URL", None)
        return kept | {
            "PORTAL_DATA": str(self.folder / "data"),
            "PORTAL_NOW": self.now,
            "PORTAL_PG_SHARED_BUFFERS": "64MB",
        }

    def commands(self, *given: list[str]) -> str:
        """Run some of the portal's commands in one process; gives what the last one printed."""
        done = subprocess.run(
            [sys.executable, "-c", COMMANDS, json.dumps(given)],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def furnish(self, dealers: int, regions: int = 8) -> None:
        """A network of this many dealers without stores, regional managers, agents; and a token for each of them."""
        units = ["kind,code,name,parent", *(f"region,R{n},区域{n},HQ" for n in range(regions))]
        people = ["email,name,unit,role,phone", "boss@jz.example,主管,HQ,hq_supervisor,"]
        people += [f"manager{n}@jz.example,区域经理{n},R{n},regional_manager," for n in range(regions)]
        people += [f"agent{n}@jz.example,客服{n},HQ,hq_agent," for n in range(AGENTS)]
        for n in range(dealers):
            units.append(f"dealer,D{n:03d},经销商{n},R{n % regions}")
            people.append(f"clerk{n}@jz.example,文员{n},D{n:03d},dealer_clerk,")
        for name, lines in (("units", units), ("people", people)):
            (self.folder / f"{name}.csv").write_text("\n".join(lines))
        files = [str(self.folder / f"{name}.csv") for name in ("units", "people")]
        printed = self.commands(
            ["up"],
            ["network", "create", NETWORK, "见证地板", "--rulebook", "flooring"],
            ["network", "import", NETWORK, "--units", files[0], "--people", files[1]],
            ["token", "--all", "--network", NETWORK],
        )
        listed = list(csv.DictReader(io.StringIO(printed)))
        self.tokens = {line["email"]: line["token"] for line in listed}
        self.tokens |= {line["unit"]: line["token"] for line in listed if line["role"] == "dealer_clerk"}

    # ------------------------------------------------------------ its life

    def start(self, now: str | None = None) -> float:
        """Serve until somebody kills it; gives the seconds until it was ready.

        After kill -9 its port may still be held by children that finish what they are at: then it is tried again, as
        a service manager would.
        """
        self.now = now or self.now
        began = time.monotonic()
        while True:
            self._begin()
            while self._process and self._process.poll() is None:
                if "The portal is ready" in self.log():
                    self.took = time.monotonic() - began
                    return self.took
                assert time.monotonic() - began < READY_WITHIN, self.log()
                time.sleep(0.05)
            assert time.monotonic() - began < READY_WITHIN, self.log()
            time.sleep(0.2)

    def open(self, now: str = CLOCK) -> None:
        """Make sure that it runs by this clock, and is well."""
        if self._process is None or self._process.poll() is not None or now != self.now:
            self.end()
            self.start(now)
        until(self.well, READY_WITHIN, "the portal is well")

    def _begin(self) -> None:
        with (self.folder / "serve.log").open("ab") as log:
            self._said_before = log.tell()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "flask", "--app", "wsgi", "serve", "--port", str(self.port)],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
            )

    def end(self) -> None:
        """Ctrl-C, as a person would."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(40)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def log(self) -> str:
        """What the portal wrote since it was started."""
        with (self.folder / "serve.log").open("rb") as log:
            log.seek(self._said_before)
            return log.read().decode(errors="replace")[-20_000:]

    def jobs_left(self, there: psycopg.Connection[Any]) -> list[str]:
        """Jobs that failed for good.

        What the clock begins (its lock is its name) may be cut off by a kill like all else, and its next minute does
        the same; it counts unless the log says that the connection was lost.
        """
        failed = there.cursor(row_factory=tuple_row).execute(FAILED_JOBS).fetchall()
        told = (self.folder / "serve.log").read_text(errors="replace").splitlines()
        lost = Counter(
            json.loads(line)["job"] for line in told if '"job_failed"' in line and CUT_OFF.search(line)
        )
        by_clock = Counter({name: count for name, clock, count in failed if clock})
        others = [f"{count} times {name}" for name, clock, count in failed if not clock]
        return others + [f"{count} times {name}" for name, count in (by_clock - lost).items()]

    def people_in_logs(self) -> list[str]:
        """Lines that tell a customer's phone, name or street, of the portal's log and of PostgreSQL's."""
        logs = [self.folder / "serve.log", *(self.folder / "data").rglob("*.log")]
        lines = [line for log in logs for line in log.read_text(errors="replace").splitlines()]
        assert any('"event": "request"' in line for line in lines)
        return [line for line in lines if re.search(r"\b1[3-9]\d{9}\b|王[\u4e00-\u9fff]|文三路|文员", line)]

    def well(self) -> bool:
        try:
            return requests.get(f"{self.base}/healthz", timeout=2).status_code == 200
        except requests.RequestException:
            return False

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    # ------------------------------------------------------------ its death

    def kill(self, target: str, chance: random.Random) -> bool:
        """kill -9; False where the target is just not there. A killed parent is started again by `start`."""
        if self._process is None:
            return False
        found: list[psutil.Process] = []
        with contextlib.suppress(psutil.Error):
            if target == "supervisor":
                self._process.kill()
                self._process.wait()
                return True
            if target in ("database", "connection"):
                server = self.postmaster()
                found = [server] if server else []
                if target == "connection" and server:
                    found = [each for each in server.children() if "[local]" in _title(each)]
            else:
                found = self.processes(target)
            if not found:
                return False
            chance.choice(sorted(found, key=lambda each: each.pid)).kill()
            return True
        return False

    def processes(self, target: str) -> list[psutil.Process]:
        """Those of "worker", "web server" (gunicorn's master) or "web process"."""
        assert self._process is not None
        children = psutil.Process(self._process.pid).children()
        if target == "worker":
            return [each for each in children if _title(each).endswith("work")]
        web = [each for each in children if "gunicorn" in _title(each)]
        return web if target == "web server" else [each for one in web for each in one.children()]

    def postmaster(self) -> psutil.Process | None:
        cluster = existing(self.folder / "data")
        server = postmaster(cluster) if cluster else None
        return server.process if server else None

    # ------------------------------------------------------------ looking in

    @contextlib.contextmanager
    def database(self) -> "Iterator[psycopg.Connection[Any]]":
        """As a superuser, past all walls: what is really there."""
        cluster = existing(self.folder / "data")
        assert cluster is not None
        server = postmaster(cluster)
        assert server is not None
        url = libpq_url(url_of(server), role=None, database="portal")
        with psycopg.connect(url, autocommit=True) as connection:
            yield connection

    def clock(self) -> datetime:
        """What time it is for the portal."""
        with self.database() as there:
            row = there.execute(
                "SELECT value::timestamptz + (clock_timestamp() - tied_at) FROM clock_tie"
            ).fetchone()
        assert row is not None
        return cast(datetime, row[0])

    def stored(self, sha256: str) -> Path:
        """Where the documents of the only network lie."""
        (network,) = (self.folder / "data" / "documents").glob("[0-9]*")  # beside it lies what is handed over
        return network / sha256[:2] / sha256


def _title(process: psutil.Process) -> str:
    return " ".join(process.cmdline())


@contextlib.contextmanager
def a_house(dealers: int) -> Iterator[House]:
    """A furnished installation; ended and removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="portal-house-"))
    folder.chmod(0o755)  # the database's own account passes through
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    made = House(folder, port)
    try:
        made.furnish(dealers)
        yield made
    finally:
        made.end()
        if made.postmaster():
            made.commands(["down"])
        shutil.rmtree(folder, ignore_errors=True)
