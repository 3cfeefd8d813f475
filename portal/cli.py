"""The commands of API.md. Each says what it did, exits 0 only when it did it, and can be run again."""

import csv
import signal
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

import click
from flask import Flask, current_app

from portal import accounts, checks, clocks, demonstration, network, return_visits, rulebook
from portal.access import Actor, Role, act_as
from portal.accounts import Membership, Person, PersonLine
from portal.core import clock, events, jobs, postgres, supervise
from portal.core.db import db, finish, look_as
from portal.core.errors import Invalid, NotFound, PortalError
from portal.core.schema import Database
from portal.core.scope import Scope
from portal.core.tables import read_table
from portal.network import Network, UnitLine

P = ParamSpec("P")
R = TypeVar("R")


def whole(run: Callable[P, R]) -> Callable[P, R]:
    """One command, one transaction; a refusal is a sentence on standard error and exit 1."""

    @wraps(run)
    def command(*args: P.args, **kwargs: P.kwargs) -> R:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # at exit an embedded database is stopped
        try:
            result = run(*args, **kwargs)
            finish(good=True)
            return result
        except PortalError as error:
            finish(good=False)
            said = str(error.detail) or error.code
            for line in getattr(error, "errors", []):
                row = line.pointer.strip("/")
                if row.isdigit():
                    click.echo(f"row {row}: {line.detail}", err=True)
                elif str(line.detail) != said:
                    click.echo(str(line.detail), err=True)
            raise click.ClickException(said) from error
        except (postgres.PostgresError, clock.ClockRefused, supervise.ServeError) as error:
            raise click.ClickException(str(error)) from error

    return command


def database() -> Database:
    found: Database = current_app.extensions["database"]
    return found


def commander(of: Network) -> Actor:
    """The command line acts at headquarters, by no person's name; says so in the audit trail."""
    look_as(Scope.below(of.id, of.root_path))
    unit = network.unit_by_code("HQ")
    assert unit is not None
    actor = Actor.commanding(of, unit, "command line")
    act_as(actor)
    return actor


@click.command("up")
@click.option("--demo", is_flag=True, help="Load the demonstration networks once.")
@whole
def up(demo: bool) -> None:
    """Make the database ready: start the embedded one if no DATABASE_URL is given, create roles, migrate."""
    make_ready(demo)


def make_ready(demo: bool) -> None:
    """What `up` does, and `serve` before it serves; says what it did."""
    settings = current_app.extensions["settings"]
    if demo and settings.portal_production:
        words = "The demonstration's passwords are public; production cannot have it."
        raise Invalid("no_demonstration", words)
    done = database().make_ready()
    click.echo("Database ready: " + (", ".join(done) if done else "nothing to do") + ".")
    clock.tie(database().url(), settings.portal_now)
    if demo:
        click.echo(demonstration.load(clock.now()))


@click.command("serve")
@click.option("--port", default=8000, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--demo", is_flag=True, help="Load the demonstration networks once, before.")
@whole
def serve(port: int, host: str, demo: bool) -> None:
    """Web server and one worker together, until Ctrl-C or SIGTERM."""
    make_ready(demo)
    clocks.sweep_all(clock.now())
    finish(good=True)
    db.engine.dispose()
    supervise.serve(host, port, database_url=database().url(role=None), embedded_in=database().embedded_in)


@click.command("work")
@click.option("--concurrency", default=2, show_default=True)
def work(concurrency: int) -> None:
    """A worker alone, until Ctrl-C or SIGTERM; several may run, on several machines."""
    current_app.config["LIBPQ_URL"] = database().url()
    click.echo("Working.", err=True)
    jobs.work(jobs.app_of(), concurrency=concurrency)


@click.command("down")
@whole
def down() -> None:
    """Stop the embedded database."""
    folder = database().embedded_in
    if folder is None:
        raise click.ClickException("The database of DATABASE_URL is not ours to stop.")
    finish(good=False)
    db.engine.dispose()
    clock.release()
    stopped = postgres.stop(folder)
    click.echo("Stopped." if stopped else "It was not running.")


@click.command("sweep")
@whole
def sweep() -> None:
    """One run of the deadline sweep."""
    found = clocks.sweep_all(clock.now())
    for each in found:
        click.echo(str(each))
    finish(good=True)  # the others' clocks were swept
    if any(each.failed for each in found):
        raise click.ClickException("A network was not swept; the log says why.")


@click.command("password")
@click.argument("person")
@whole
def password(person: str) -> None:
    """Set a person's password, read from standard input."""
    found = _person(person)
    accounts.set_password(found, sys.stdin.readline().rstrip("\r\n"))
    for _, of in accounts.memberships_of(
        found.id
    ):  # it stands in the audit trail of each network of that person
        events.record(commander(of), "password:set", kind="person", object_id=found.id)
    click.echo(f"The password of {found.name} is set; all sessions ended.")


def _person(identifier: str) -> Person:
    found = accounts.person_by_identifier(accounts.identifier(identifier))
    if found is None:
        raise NotFound("unknown_person", f"There is no person {identifier}.")
    return found


@click.group("network")
def network_group() -> None:
    """Networks: create, import."""


@network_group.command("create")
@click.argument("code")
@click.argument("name")
@click.option("--rulebook", "book", required=True, help="A file of config/rulebooks, without .toml.")
@click.option("--time-zone", default="Asia/Shanghai", show_default=True)
@click.option("--name-en", default="", help="The name in English.")
@whole
def create(code: str, name: str, book: str, time_zone: str, name_en: str) -> None:
    """A new network with its headquarters unit HQ. The very same again changes nothing."""
    now = clock.now()
    if _is_there(code, name, book, time_zone):
        click.echo(f"Network {code} is there already, as asked: nothing to do.")
        return
    made = network.create_network(code, name, time_zone=time_zone, name_en=name_en, now=now)
    actor = commander(made)
    first = clock.local(now).date().replace(year=clock.local(now).year - 1, month=1, day=1)
    rulebook.install(actor, made.id, made.root_path, book, first)
    clocks.open_months(made, now)
    events.record(actor, "network:created", made, after={"code": code, "name": name})
    click.echo(f"Network {code} is there, with its headquarters HQ and the rulebook {book}.")


def _is_there(code: str, name: str, book: str, time_zone: str) -> bool:
    """Whether this very network was created before; another one of that code is refused by whoever makes it."""
    try:
        there = network.network_by_code(code)
    except NotFound:
        return False
    commander(there)
    books = {version.key for version in rulebook.list_versions(there.id)}
    return there.name == name and there.time_zone == time_zone and book in books


@network_group.command("import")
@click.argument("code")
@click.option("--units", type=click.Path(path_type=Path))
@click.option("--people", type=click.Path(path_type=Path))
@whole
def import_(code: str, units: Path | None, people: Path | None) -> None:
    """Units (kind,code,name,parent[,city,territory]) and people (email,name,unit,role,phone) from csv or xlsx.

    All or nothing. A territory says in which regions a dealer, or every dealer of a region, sells.
    """
    if units is None and people is None:
        raise Invalid("nothing", "Say --units FILE, --people FILE or both.")
    now = clock.now()
    of = network.network_by_code(code)
    actor = commander(of)
    said = []
    if units is not None:
        found = read_table(units, ("kind", "code", "name", "parent"), optional=("city", "territory"))
        lines = [UnitLine(row, **cells) for row, cells in found]
        fresh, changed = network.import_units(actor, actor.root_path, lines, now)
        clocks.open_months(of, now)
        return_visits.follow_units(actor)
        said.append(f"{fresh} new units, {changed} changed")
    if people is not None:
        columns = ("email", "name", "unit", "role", "phone")
        persons = [PersonLine(row, **cells) for row, cells in read_table(people, columns)]
        count, memberships = accounts.import_people(actor, actor.root_path, persons, now)
        said.append(f"{count} people with {memberships} memberships")
    click.echo(f"Imported into {code}: {', '.join(said)}.")


@click.command("token")
@click.argument("person", required=False)
@click.option("--network", "code", required=True)
@click.option("--unit")
@click.option("--role", type=click.Choice([role.value for role in Role]))
@click.option("--name", default="command line")
@click.option("--days", type=click.IntRange(1, 3650))
@click.option("--all", "everybody", is_flag=True, help="One for every membership, as csv.")
@whole
def token(
    person: str | None,
    code: str,
    unit: str | None,
    role: str | None,
    name: str,
    days: int | None,
    everybody: bool,
) -> None:
    """Print a new API token, alone on standard output. PERSON is an e-mail or phone."""
    now = clock.now()
    actor = commander(network.network_by_code(code))
    rows = [
        (membership, who, at)
        for membership, who, at in accounts.memberships_in(actor.network_id)
        if unit in (None, at.code) and role in (None, membership.role)
    ]
    if person is not None and everybody:
        raise Invalid("nothing", "Say whose: PERSON (e-mail or phone), or --all; not both.")
    if everybody:
        out = csv.writer(sys.stdout, lineterminator="\n")
        out.writerow(["email", "phone", "unit", "role", "token"])
        for membership, who, at in rows:
            issued = accounts.issue_token(actor, membership, name=name, days=days, now=now)
            out.writerow([who.email or "", who.phone or "", at.code, membership.role, issued])
        return
    if person is None:
        raise Invalid("nothing", "Say whose: PERSON (e-mail or phone), or --all.")
    wanted = accounts.identifier(person)
    fitting: list[Membership] = [
        membership for membership, who, _ in rows if wanted in (who.email, who.phone)
    ]
    if not fitting:
        raise NotFound("no_membership", f"{person} has no such membership in {code}.")
    if len(fitting) > 1:
        raise Invalid("several", f"{person} has {len(fitting)} memberships in {code}; say --unit and --role.")
    click.echo(accounts.issue_token(actor, fitting[0], name=name, days=days, now=now))


@click.command("check")
def check() -> None:
    """Look at database, migrations, row-level security, storage, queue, clock, holidays, translations."""
    good = True
    for name, fine, words in checks.run(database()):
        good &= fine
        click.echo(f"{'ok  ' if fine else 'BAD '} {name}: {words}")
    if not good:
        raise SystemExit(1)


def start(app: Flask) -> None:
    for command in (up, serve, work, down, sweep, password, network_group, token, check):
        app.cli.add_command(command)
