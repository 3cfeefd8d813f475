"""A made-up year of a network with planted inventions, the same for the same seed: what the signals are measured on.

True customers are as disorderly as real ones: couples share a phone, relatives a home, some buy again, some addresses
lack their number, some dealers sell across the border of their city, and October is a third better than other months.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import psycopg

from portal.network import Unit

SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢"
)
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰红梅建国文斌辉鹏飞宇浩轩子涵梓萱诺欣怡雨桐晨思远"
CITIES = ("杭州", "宁波", "温州", "绍兴", "嘉兴", "金华", "南京", "苏州", "无锡", "常州")
STREETS = (
    "文三路",
    "中山路",
    "人民路",
    "解放路",
    "建设路",
    "环城北路",
    "学院路",
    "滨江大道",
    "和平街",
    "新华路",
)
ESTATES = ("阳光花园", "锦绣家园", "绿城春江", "万科金色", "保利香槟", "碧桂园", "滨江国际", "翡翠湾")
PREFIXES = ("130", "135", "136", "137", "138", "139", "150", "158", "177", "186", "189")

KINDS = (
    "sequence",  # phones made up by counting on
    "one_phone",  # a friend's phone under several names
    "staff",  # the phones of the dealer's own people
    "one_address",
    "copied",  # another dealer's customers, under the same or another name
    "bulk",  # three times the usual number, each made up with care
    "elsewhere",  # customers in a province where the dealer is not
    "careful",  # one by one, nothing repeated: nobody can see these in figures
)


@dataclass(frozen=True)
class Customer:
    name: str
    phone: str
    address: str
    region: str
    bought: date
    planted: str = ""  # one of KINDS; "" for a true one


@dataclass
class Dealer:
    code: str
    city: str
    size: int  # people in a usual month
    staff: list[str]  # phones
    months: dict[date, list[Customer]] = field(default_factory=dict)


class Town:
    """Dealers with their months; `plant` puts inventions into the last one."""

    def __init__(self, seed: int, codes: list[str], months: list[date], sizes: tuple[int, int]) -> None:
        self.chance = random.Random(seed)
        self.months = months
        self.dealers = [
            Dealer(
                code, CITIES[place % len(CITIES)], self.chance.randint(*sizes), [self.phone(), self.phone()]
            )
            for place, code in enumerate(codes)
        ]
        for month in months:
            for dealer in self.dealers:
                dealer.months[month] = self._true_month(dealer, month)

    def phone(self) -> str:
        return f"{self.chance.choice(PREFIXES)}{self.chance.randrange(10**8):08d}"

    def name(self) -> str:
        given = self.chance.choice(GIVEN) + (self.chance.choice(GIVEN) if self.chance.random() < 0.8 else "")
        return self.chance.choice(SURNAMES) + given

    def address(self, city: str) -> str:
        street, number = self.chance.choice(STREETS), self.chance.randrange(1, 900)
        if self.chance.random() < 0.03:
            return f"{city}市{street}{self.chance.choice(ESTATES)}"  # without its number
        flat = f"{self.chance.randrange(1, 40)}栋{self.chance.randrange(1, 5)}单元{self.chance.randrange(101, 3004)}室"
        return f"{city}市{street}{number}号{self.chance.choice(ESTATES)}{flat}"

    def customer(self, dealer: Dealer, month: date, planted: str = "") -> Customer:
        bought = month + timedelta(days=self.chance.randrange(28))
        city = dealer.city if self.chance.random() < 0.97 else self.chance.choice(CITIES)
        return Customer(self.name(), self.phone(), self.address(city), city, bought, planted)

    def _true_month(self, dealer: Dealer, month: date) -> list[Customer]:
        season = 1.33 if month.month == 10 else 1.0
        many = max(3, round(dealer.size * season * self.chance.uniform(0.6, 1.4)))
        made: list[Customer] = []
        earlier = [each for listed in dealer.months.values() for each in listed]
        while len(made) < many:
            roll = self.chance.random()
            if roll < 0.02 and made:  # the other one of a couple, with the same phone and home
                made.append(replace(made[-1], name=self.name()))
            elif roll < 0.04 and made:  # a relative at the same address
                made.append(replace(made[-1], name=self.name(), phone=self.phone()))
            elif roll < 0.07 and earlier:  # buys again
                known = self.chance.choice(earlier)
                made.append(replace(known, bought=month + timedelta(days=self.chance.randrange(28))))
            else:
                made.append(self.customer(dealer, month))
        return list({(each.name, each.phone): each for each in made}.values())

    def plant(self, each: int) -> None:
        """`each` inventions of every kind into the last month, of one dealer a kind; for `bulk` twice its month."""
        month = self.months[-1]
        liars = self.chance.sample(self.dealers, len(KINDS))
        for kind, dealer in zip(KINDS, liars, strict=True):
            listed = dealer.months[month]
            many = 2 * len(listed) if kind == "bulk" else each
            made = [self.customer(dealer, month, kind) for _ in range(many)]
            listed += [self._twisted(kind, place, one, dealer, made) for place, one in enumerate(made)]

    def _twisted(
        self, kind: str, place: int, one: Customer, dealer: Dealer, made: list[Customer]
    ) -> Customer:
        first = made[0]
        match kind:
            case "sequence":
                return replace(one, phone=f"{int(first.phone[:8] + '000') + 3 * place}")
            case "one_phone":
                return replace(one, phone=made[place - place % 4].phone)
            case "staff":
                return replace(one, phone=dealer.staff[place % 2])
            case "one_address":
                return replace(one, address=made[place - place % 5].address)
            case "copied":
                victim = self.chance.choice([each for each in self.dealers if each is not dealer])
                copied = self.chance.choice(victim.months[self.chance.choice(self.months)])
                return replace(one, name=self.chance.choice((copied.name, one.name)), phone=copied.phone)
            case "elsewhere":
                return replace(one, region="喀什", address=self.address("喀什"))
        return one

    def last_month(self) -> Iterator[tuple[Dealer, Customer]]:
        for dealer in self.dealers:
            for one in dealer.months[self.months[-1]]:
                yield dealer, one

    # --- into the database --------------------------------------------------------------------------------

    def file(self, connection: "psycopg.Connection[Any]", units: dict[str, Unit]) -> None:
        """Every month filed, the earlier ones counted as consolidated; `units` by the dealers' codes."""
        for dealer in self.dealers:
            unit = units[dealer.code]
            for phone in dealer.staff:
                connection.execute(_PERSON, (phone, unit.network_id, unit.unit_path, unit.id))
            for month, listed in dealer.months.items():
                self.chance.shuffle(listed)
                state = "submitted" if month == self.months[-1] else "consolidated"
                many = len(listed)
                given = (
                    unit.network_id,
                    unit.unit_path,
                    unit.id,
                    month,
                    state,
                    many,
                    many,
                    f"{unit.code}-{month}",
                )
                found = connection.execute(_FILE, given).fetchone()
                assert found is not None
                source = (unit.network_id, unit.unit_path, found[0], unit.id, month)
                connection.execute(_SOURCE, source)
                where = (unit.network_id, unit.unit_path, found[0])
                rows = [
                    (*where, number, one.name, one.phone, one.address, one.bought, one.region)
                    for number, one in enumerate(listed, 2)
                ]
                connection.cursor().executemany(_ROWS, rows)
                if state == "consolidated":
                    connection.execute(_COUNTED, (month, many, unit.id))


_PERSON = """
    WITH made AS (INSERT INTO person (name, phone, stamp, status, created_at)
                  VALUES ('店员', %s, 'x', 'active', now()) RETURNING id)
    INSERT INTO membership (network_id, unit_path, unit_id, person_id, role, status, created_at)
    SELECT %s, %s, %s, id, 'dealer_clerk', 'active', now() FROM made
"""
_FILE = """
    INSERT INTO customer_file (network_id, unit_path, unit_id, month, version, kind, state, sha256, size, received_at,
                               total, good, submitted_at, judged_at, due_at, receipt_number)
    VALUES (%s, %s, %s, %s, 1, 'rows', %s, '', 1, now(), %s, %s, now(), now(), now(), %s) RETURNING id
"""
_SOURCE = (
    "INSERT INTO customer_source (network_id, unit_path, file_id, unit_id, month) VALUES (%s, %s, %s, %s, %s)"
)
_ROWS = """
    INSERT INTO customer_file_row (network_id, unit_path, file_id, row_no, status, customer_name, phone, address,
                                   purchase_date, purchase_region)
    VALUES (%s, %s, %s, %s, 'good', %s, %s, %s, %s, %s)
"""
_COUNTED = """
    INSERT INTO visit_count (network_id, unit_path, month, unit_id, slot, region_id, people)
    SELECT network_id, unit_path, %s, id, -1, parent_id, %s FROM unit WHERE id = %s
"""
