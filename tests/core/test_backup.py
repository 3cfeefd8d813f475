"""What docs/production.md says about backup and restore, done: every row and every right comes back."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from portal.access import act_as
from portal.core.db import db, libpq_url
from portal.core.postgres.programs import candidates
from portal.core.scope import CLOSED, enter
from tests.conftest import NOW, an_app
from tests.factories import a_world

TABLES = """SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = 'public' AND relkind = 'r' ORDER BY 1"""
RIGHTS = """
    SELECT 'policy', tablename || policyname || coalesce(qual, '') || coalesce(with_check, '') FROM pg_policies
    UNION ALL SELECT 'wall', relname || relrowsecurity || relforcerowsecurity || pg_get_userbyid(relowner)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND relkind = 'r'
    UNION ALL SELECT 'grant', table_name || grantee || privilege_type FROM information_schema.table_privileges
    WHERE table_schema = 'public'
    UNION ALL SELECT 'trigger', pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT 'function', p.oid::regprocedure::text || prosecdef || coalesce(proconfig::text, '')
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'public'
    ORDER BY 1, 2
"""
WITH_BYPASS, WITHOUT = "portal_test_backup", "portal_test_reader"


def everything(url: str) -> dict[str, Any]:
    """Each table's count and the hash of its rows; policies, grants, triggers, functions."""
    with psycopg.connect(url, autocommit=True) as there:
        found: dict[str, Any] = {"rights": there.execute(RIGHTS).fetchall()}
        for (name,) in there.execute(TABLES).fetchall():
            hashed = "SELECT count(*), md5(string_agg(t::text, ' ' ORDER BY t::text COLLATE \"C\")) FROM {} t"
            found[name] = there.execute(sql.SQL(hashed).format(sql.Identifier(name))).fetchone()
    return found


@pytest.fixture
def roles(server: str) -> Iterator[None]:
    with psycopg.connect(libpq_url(server, role=None), autocommit=True) as there:
        for role, how in ((WITH_BYPASS, "BYPASSRLS"), (WITHOUT, "NOBYPASSRLS")):
            there.execute(f"DROP ROLE IF EXISTS {role}")
            there.execute(f"CREATE ROLE {role} NOLOGIN {how}")
            there.execute(f"GRANT pg_read_all_data TO {role}")
        yield
        for role in (WITH_BYPASS, WITHOUT):
            there.execute(f"DROP ROLE {role}")


@pytest.mark.usefixtures("roles")
def test_a_dump_by_a_role_that_bypasses_the_walls_restores_everything(
    server: str, cloned: Callable[[str], str], tmp_path: Path
) -> None:
    programs = next((each for each in candidates() if (each / "pg_dump").exists()), None)
    if programs is None:
        pytest.skip("there is no pg_dump here")
    url = cloned("saved")
    app = an_app(url, tmp_path)
    with app.app_context():
        a_world("sv", now=NOW)
        db.session.remove()
        db.engine.dispose()
    act_as(None)
    enter(CLOSED)

    def dump(role: str) -> "subprocess.CompletedProcess[str]":
        command = [programs / "pg_dump", "-Fc", f"--role={role}", url, "-f", tmp_path / "portal.dump"]
        return subprocess.run(command, capture_output=True, text=True)

    refused = dump(WITHOUT)
    assert refused.returncode != 0, "less than everything would be worse than nothing"
    assert "row-level security" in refused.stderr
    saved = dump(WITH_BYPASS)
    assert saved.returncode == 0, saved.stderr
    restored = f"{url.split('?')[0].rsplit('/', 1)[1]}_restored"
    with psycopg.connect(libpq_url(server, role=None), autocommit=True) as there:
        there.execute(sql.SQL("CREATE DATABASE {} OWNER portal_owner").format(sql.Identifier(restored)))
    target = libpq_url(server, role=None, database=restored)
    try:
        command = [programs / "pg_restore", "--exit-on-error", "-d", target, tmp_path / "portal.dump"]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        before, after = everything(url), everything(target)
        assert before["unit"][0] == 12
        assert before["obligation"][0] > 0
        assert after == before
    finally:
        with psycopg.connect(libpq_url(server, role=None), autocommit=True) as there:
            there.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(restored)))
