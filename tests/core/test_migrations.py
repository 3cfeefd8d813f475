"""Migrations go up, all the way down and up again, two at once wait for each other, and the models fit the tables."""

import os
import subprocess
import sys

import psycopg
from sqlalchemy import inspect

from config.settings import ROOT, Settings
from portal.core.db import Base, db
from portal.core.schema import Database, head


def test_up_down_up(cloned):
    database = Database(Settings(database_url=cloned("updown")))
    assert database.migrate("base") == (head(), None)
    with psycopg.connect(database.url(role=None)) as connection:
        left = connection.execute(
            "SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = 'public' AND relname NOT LIKE 'alembic%'"
        ).fetchall()
        functions = connection.execute(
            "SELECT proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'public'"
        ).fetchall()
    assert (left, functions) == ([], [])
    assert database.migrate() == (None, head())


def test_two_at_once_are_one(cloned, tmp_path):
    url = cloned("twice")
    database = Database(Settings(database_url=url))
    database.migrate("base")
    environment = {**os.environ, "DATABASE_URL": url, "PORTAL_DATA": str(tmp_path)}
    running = [
        subprocess.Popen([sys.executable, "-m", "flask", "up"], cwd=ROOT, env=environment) for _ in range(2)
    ]
    assert [each.wait(60) for each in running] == [0, 0]
    assert database.migrate() == (head(), head())


def test_the_models_fit_the_tables(app):
    looked = inspect(db.session.connection())
    wrong = {}
    for name, table in Base.metadata.tables.items():
        there = {column["name"]: column["nullable"] for column in looked.get_columns(name)}
        modelled = {column.name: bool(column.nullable) for column in table.columns}
        if there != modelled:
            wrong[name] = {
                key for key in there.keys() | modelled.keys() if there.get(key) != modelled.get(key)
            }
    assert wrong == {}
