"""Small worlds for tests: networks, units, people, and how to act as them. Each call commits."""

from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import count

from portal import accounts, clocks, network, rulebook
from portal.access import Actor, act_as
from portal.accounts import PersonLine
from portal.core.db import db, finish, look_as
from portal.core.scope import Scope
from portal.network import Network, Unit, UnitLine

PASSWORD = "correct horse battery"
_numbers = count(1)

UNITS = """
channel C1 华东渠道 HQ
region R1 浙江区 C1
region R2 江苏区 C1
region R3 直管区 HQ
dealer D1 杭州恒居建材有限公司 R1
dealer D2 宁波顺达地板 R1
dealer D3 南京雅居 R2
dealer D9 直管经销商 R3
store S1 杭州西湖店 D1
store S2 杭州余杭店 D1
store S3 宁波江北店 D2
"""
PEOPLE = """
agent HQ hq_agent
agent2 HQ hq_agent
supervisor HQ hq_supervisor
officer HQ sanction_officer
approver HQ sanction_approver
approver2 HQ sanction_approver
approver3 HQ sanction_approver
finance HQ finance
executive HQ executive
admin HQ administrator
channel C1 channel_manager
region R1 regional_manager
region2 R2 regional_manager
principal D1 dealer_principal
clerk D1 dealer_clerk
clerk2 D2 dealer_clerk
clerk3 D3 dealer_clerk
clerk9 D9 dealer_clerk
store S1 store_clerk
store2 S2 store_clerk
store3 S3 store_clerk
"""


@dataclass
class World:
    """One network with its tree and a person for each role; `as_` acts as one of them by short name."""

    network: Network
    units: dict[str, Unit]
    actors: dict[str, Actor] = field(default_factory=dict)

    def as_(self, who: str) -> Actor:
        """Act as this person from now on in this test."""
        actor = self.actors[who]
        act_as(actor)
        look_as(actor.scope)
        return actor

    def email(self, who: str) -> str:
        return f"{who}@{self.network.code}.example"


def a_world(code: str, *, now: datetime, book: str = "flooring", name: str = "青榆地板") -> World:
    """A network of four levels with stores, by code; units joined a year before `now`'s month."""
    joined = now.replace(year=now.year - 1)
    made = network.create_network(
        code, name, time_zone="Asia/Shanghai", name_en="Qingyu Flooring", now=joined
    )
    admin = commander(made)
    rulebook.install(admin, made.id, made.root_path, book, date(joined.year - 1, 1, 1))
    lines = [UnitLine(row, *line.split(" ")) for row, line in enumerate(UNITS.strip().splitlines(), 2)]
    network.import_units(admin, made.root_path, lines, joined)
    people = [
        PersonLine(row, f"{who}@{code}.example", f"{who}.{code}", unit, role, f"139{made.id:04d}{row:04d}")
        for row, (who, unit, role) in enumerate((line.split() for line in PEOPLE.strip().splitlines()), 2)
    ]
    accounts.import_people(admin, made.root_path, people, joined)
    clocks.open_months(made, now)
    world = World(made, {unit.code: unit for unit in network.units_below(made.root_path)})
    rows = [(membership, person) for membership, person, _ in accounts.memberships_in(made.id)]
    for membership, person in rows:
        actor = accounts.actor_of_membership(person.id, membership.id)
        assert actor is not None
        assert person.email is not None
        world.actors[person.email.partition("@")[0]] = actor
        look_as(Scope.below(made.id, made.root_path))
    finish(good=True)
    return world


def commander(of: Network) -> Actor:
    """Headquarters, by the command line."""
    look_as(Scope.below(of.id, of.root_path))
    unit = network.unit_by_code("HQ")
    assert unit is not None
    actor = Actor.commanding(of, unit, "command line")
    act_as(actor)
    return actor


def a_token(actor: Actor, now: datetime) -> str:
    """An API token of this actor's membership."""
    act_as(actor)
    look_as(actor.scope)
    membership = db.session.get_one(accounts.Membership, actor.membership_id)
    token = accounts.issue_token(actor, membership, name="test", days=None, now=now)
    finish(good=True)
    return token
