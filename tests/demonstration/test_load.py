"""The demonstration loads whole or not at all: a kill in the middle, and two at once."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from config.settings import ROOT
from tests.reliability.test_visits import COUNTS

AT_WORK = """SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
             AND backend_xid IS NOT NULL AND clock_timestamp() - xact_start > interval '2 s'"""
CALLED = """SELECT to_char(v.month, 'YYYY-MM'), count(*) FILTER (WHERE v.state <> 'closed'),
                   EXISTS (SELECT FROM visit_sealed_month s WHERE s.month = v.month)
            FROM visit v WHERE v.month < '2026-10-01' GROUP BY v.month ORDER BY v.month"""
NETWORKS = "SELECT code FROM network ORDER BY code"


@pytest.mark.slow
def test_who_is_killed_in_the_middle_leaves_nothing_and_two_at_once_load_it_once(
    cloned: Callable[[str], str], tmp_path: Path
):
    url = cloned("demo")
    around = {**os.environ, "DATABASE_URL": url, "PORTAL_DATA": str(tmp_path), "PORTAL_DEMO": "1"}

    def load() -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "flask", "--app", "wsgi", "up", "--demo"]
        return subprocess.Popen(command, cwd=ROOT, env=around, stdout=subprocess.PIPE, text=True)

    with psycopg.connect(url, autocommit=True) as watching:
        first = load()
        while watching.execute(AT_WORK).fetchone() == (0,):
            assert first.poll() is None, "it ended before it could be killed"
            time.sleep(0.05)
        first.kill()
        first.communicate()
        while watching.execute(AT_WORK).fetchone() != (0,):
            time.sleep(0.05)
        assert watching.execute(NETWORKS).fetchall() == []
        two = [load(), load()]
        said = sorted(each.communicate()[0].splitlines()[-1] for each in two)
        assert [each.returncode for each in two] == [0, 0]
        assert said[0].startswith("The demonstration is already there")
        assert said[1].startswith("The demonstration networks")
        assert [code for (code,) in watching.execute(NETWORKS).fetchall()] == ["QY", "ZL"]
        filed = watching.execute(
            "SELECT n.code, count(*) FROM customer_file f JOIN network n ON n.id = f.network_id "
            "WHERE f.state = 'submitted' AND n.code = 'ZL' GROUP BY 1"
        ).fetchall()
        assert filed == [("ZL", 2)], "the last thing that the load makes"
        # the months before were called, one is sealed, and no running count differs from the visits themselves
        assert watching.execute(COUNTS).fetchall() == []
        assert watching.execute(CALLED).fetchall() == [("2026-08", 0, True), ("2026-09", 4, False)]
