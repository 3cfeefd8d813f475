"""The sweep in processes of its own: several at once, killed with kill -9 in between (security.md F2)."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from config.settings import ROOT
from portal.access import act_as
from portal.app import Portal
from portal.core import clock
from portal.core.db import db
from portal.core.scope import CLOSED, enter
from tests.conftest import NOW, an_app
from tests.factories import World, a_world, commander

EVENING = datetime(2026, 11, 4, 12, 30, tzinfo=UTC)  # 20:30 in Shanghai: reminders are due
MORNING = datetime(2026, 11, 6, 0, tzinfo=UTC)  # 08:00 of the sixth: past due, and superiors may be told
SWEEP = """
import sys
from datetime import datetime
from pathlib import Path
from portal import clocks
from portal.core import clock
from portal.core.db import finish
from tests.conftest import an_app
app, now = an_app(sys.argv[1], Path(sys.argv[2])), datetime.fromisoformat(sys.argv[3])
with app.app_context(), clock.standing_at(now):
    print("ready", flush=True)
    sys.stdin.readline()
    found = clocks.sweep_all(now)
    assert not any(each.failed for each in found)
    print("swept", flush=True)
    sys.stdin.readline()
    finish(good=True)
    print("kept", flush=True)
"""


@dataclass
class Stage:
    app: Portal
    world: World
    url: str
    folder: Path

    def process(self, now: datetime) -> "subprocess.Popen[str]":
        """A sweep that waits for a line before it begins, and for another before it commits."""
        run = subprocess.Popen(
            [sys.executable, "-c", SWEEP, self.url, str(self.folder), now.isoformat()],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.says(run, "ready")
        return run

    @staticmethod
    def says(run: "subprocess.Popen[str]", word: str) -> None:
        assert run.stdout is not None
        while (line := run.stdout.readline()).strip() != word:
            assert line, f"it ended before it said {word}"

    @staticmethod
    def go(run: "subprocess.Popen[str]") -> None:
        assert run.stdin is not None
        run.stdin.write("\n")
        run.stdin.flush()

    @staticmethod
    def end(run: "subprocess.Popen[str]", *, kill: bool = False) -> int:
        """Wait until it has ended, with kill -9 at once; gives how."""
        if kill:
            run.send_signal(signal.SIGKILL)
        assert run.stdin is not None
        assert run.stdout is not None
        with run.stdin, run.stdout:
            return run.wait(60)

    def whole(self, *runs: "subprocess.Popen[str]") -> None:
        """Let them all sweep at once, and keep what they did."""
        for each in runs:
            self.go(each)
            self.go(each)
        for each in runs:
            self.says(each, "kept")
            assert self.end(each) == 0

    def told(self) -> dict[str, Counter[Any]]:
        """How often each membership was told of each thing, each step was sent, each breach marked and drafted."""
        with self.app.app_context():
            commander(self.world.network)
            ask = {
                "notices": "SELECT membership_id, kind, subject, params::text, link FROM notice WHERE kind LIKE 'obl%'",
                "steps": "SELECT obligation_id, step, due_at FROM clock_step",
                "marks": "SELECT object_id FROM event WHERE action = 'obligation:breached'",
                "superiors": "SELECT origin_id, level FROM obligation WHERE kind = 'escalation'",
                "breaches": "SELECT rule, source FROM breach",
                "cases": "SELECT breach_id, who, party FROM sanction_case",
            }
            found = {
                name: Counter(tuple(row) for row in db.session.execute(db.text(query)))
                for name, query in ask.items()
            }
            db.session.remove()
            return found


@pytest.fixture
def stage(cloned: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """A database of its own, where what is committed stays."""
    monkeypatch.setattr(clock, "now", lambda: NOW)
    url = cloned(f"proc_{tmp_path.name[-20:]}".lower())
    app = an_app(url, tmp_path)
    with app.app_context():
        world = a_world("pr", now=NOW)
        db.session.remove()
    act_as(None)
    enter(CLOSED)
    yield Stage(app, world, url, tmp_path)
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
    act_as(None)
    enter(CLOSED)


def once(found: dict[str, Counter[Any]], **sizes: int) -> None:
    for name, counted in found.items():
        assert set(counted.values()) <= {1}, (name, counted.most_common(2))
    assert {name: len(found[name]) for name in sizes} == sizes


@pytest.mark.slow
def test_three_processes_at_once_tell_and_mark_each_once(stage: Stage) -> None:
    stage.whole(*(stage.process(EVENING) for _ in range(3)))
    stage.whole(stage.process(EVENING))  # what one had locked and the others skipped
    # four dealers, three stores, and R3 that nobody holds; D1 has two people
    once(stage.told(), steps=8, marks=0, superiors=0)
    stage.whole(*(stage.process(MORNING) for _ in range(3)))
    stage.whole(stage.process(MORNING))
    once(stage.told(), marks=7, superiors=7, breaches=4, cases=4)


@pytest.mark.slow
def test_what_was_killed_before_it_committed_is_done_once_by_the_next(stage: Stage) -> None:
    killed = stage.process(MORNING)
    stage.go(killed)
    stage.says(killed, "swept")
    other = stage.process(MORNING)  # it sweeps beside the first, which holds all the rows
    stage.go(other)
    stage.end(killed, kill=True)
    stage.go(other)
    stage.says(other, "kept")
    stage.end(other)
    for moment in (0.02, 0.1):
        unlucky = stage.process(MORNING)
        stage.go(unlucky)
        time.sleep(moment)
        stage.end(unlucky, kill=True)
    stage.whole(stage.process(MORNING))
    once(stage.told(), marks=7, superiors=7, breaches=4, cases=4)
