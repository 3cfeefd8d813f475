"""The ground that benchmarks stand on: an own database, a network, customer files by a seeded generator."""

import csv
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("PORTAL_PG_SHARED_BUFFERS", "2GB")

import psycopg
import xlsxwriter
from flask.testing import FlaskClient

from config.settings import Settings
from portal import clocks, network
from portal.access import Actor, act_as
from portal.app import Portal, create_app
from portal.core import clock, postgres
from portal.core.db import db, finish, libpq_url, look_as
from portal.core.schema import Database
from portal.network import UnitLine
from tests.factories import World, a_world, commander

NOW = datetime(2026, 11, 3, 10, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
MONTH = date(2026, 10, 1)
HEADINGS = ["客户姓名", "电话", "地址", "产品型号", "购买日期", "购买区域", "数量", "订单号", "备注"]
SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭陆范汪廖石金"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰红梅建国文斌辉鹏飞宇浩轩子涵梓萱一诺欣怡雨桐晨思远嘉俊雪婷佳琪志海东波龙"
CITIES = [
    "上海市浦东新区",
    "浙江省杭州市西湖区",
    "江苏省南京市玄武区",
    "广东省深圳市南山区",
    "四川省成都市武侯区",
]
MODELS = [
    f"{series}-{width}{finish_}"
    for series in ("ZF", "KT", "DB")
    for width in (60, 90, 120)
    for finish_ in "AB"
]


def data_folder() -> Path:
    return Path(
        os.environ.get("PORTAL_BENCH_DATA") or Path(tempfile.gettempdir()) / f"portal-bench-{os.geteuid()}"
    )


def rows(count: int, seed: int = 1, bad: float = 0.01, dup: float = 0.002) -> Iterator[list[object]]:
    """Rows of a customer file: 1 % with a fault, 0.2 % with an earlier order number; the same for the same seed."""
    chance = random.Random(seed)
    for place in range(count):
        name = (
            chance.choice(SURNAMES)
            + chance.choice(GIVEN)
            + (chance.choice(GIVEN) if chance.random() < 0.8 else "")
        )
        phone = chance.choice(("138", "139", "150", "186", "177")) + f"{chance.randrange(10**8):08d}"
        city = chance.choice(CITIES)
        address = f"{city}中山东路{chance.randrange(1, 900)}号阳光花园{chance.randrange(1, 40)}栋{chance.randrange(101, 3004)}室"
        bought: object = MONTH + timedelta(days=chance.randrange(31))
        model, quantity = chance.choice(MODELS), chance.randrange(1, 6)
        order = f"SO{seed:03d}{place:08d}"
        fault = chance.random()
        if fault < bad:
            kind = int(fault / bad * 4)
            name, phone = ("", phone) if kind == 0 else (name, phone[:7]) if kind == 1 else (name, phone)
            bought = "2026-13-45" if kind == 2 else bought
            model = "" if kind == 3 else model
        elif fault < bad + dup and place > 10:
            order = f"SO{seed:03d}{chance.randrange(place):08d}"
        yield [name, phone, address, model, bought, city, quantity, order, ""]


def write_csv(path: Path, count: int, seed: int = 1, bad: float = 0.01) -> Path:
    with path.open("w", newline="", encoding="utf-8") as opened:
        writer = csv.writer(opened)
        writer.writerow(HEADINGS)
        writer.writerows(rows(count, seed, bad))
    return path


def write_xlsx(path: Path, count: int, seed: int = 1) -> Path:
    book = xlsxwriter.Workbook(str(path), {"constant_memory": False, "strings_to_urls": False})
    sheet = book.add_worksheet("客户")
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    sheet.write_row(0, 0, HEADINGS)
    for number, row in enumerate(rows(count, seed), 1):
        for column, value in enumerate(row):
            if isinstance(value, date):
                sheet.write_datetime(number, column, datetime(value.year, value.month, value.day), day)
            elif isinstance(value, str):
                sheet.write_string(number, column, value)
            else:
                sheet.write_number(number, column, value)
    book.close()
    return path


@contextmanager
def ground(name: str) -> Iterator[tuple[Portal, World, str]]:
    """A fresh database `name` with one network, the application on it, and the server's URL."""
    server = postgres.start(data_folder())
    with psycopg.connect(libpq_url(server, role=None), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name}")
    url = libpq_url(server, role=None, database=name)
    settings = Settings(
        _env_file=None, database_url=url, portal_data=data_folder() / name, secret_key="b" * 40
    )
    Database(settings).make_ready()
    with redirect_stderr(
        Path(os.devnull).open("w")
    ):  # its log, a line for each request, is written but not seen
        app = create_app(settings)
    with app.app_context(), clock.standing_at(NOW):
        world = a_world("qy", now=clock.now())
        try:
            yield app, world, url
        finally:
            db.session.remove()
            db.engine.dispose()
    with psycopg.connect(libpq_url(server, role=None), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def as_(actor: Actor) -> Actor:
    act_as(actor)
    look_as(actor.scope)
    return actor


def done() -> None:
    finish(good=True)
    db.session.remove()


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def median(values: list[float]) -> float:
    return statistics.median(values)


def ratio(name: str, value: float, bound: str, goal: float, words: str) -> None:
    """The one line by which `python -m bench` finds a figure; `bound` is "at least" or "at most"."""
    good = value >= goal if bound == "at least" else value <= goal
    print(
        f"RATIO {name}: {value:.2f} {words} (goal: {bound} {goal:g}){'' if good else '  MISSED'}", flush=True
    )


# --- many customers, written past the walls by the superuser -----------------------------------------------------------

DEALERS, MONTHS = 80, 24
NAMES = f"substr('{SURNAMES}', 1 + abs(hashint8(i)) %% {len(SURNAMES)}, 1) || " + " || ".join(
    f"substr('{GIVEN}', 1 + abs(hashint8(i + {salt})) %% {len(GIVEN)}, 1)" for salt in (7, 13)
)
RARE, RARE_COUNT = "欧阳翡翠", 150
"""A name that the same number of customers has in every crowd."""
FILES = """
    INSERT INTO customer_file (network_id, unit_path, unit_id, month, version, kind, state, sha256, size, received_at,
      total, good, customers, people, left_out, submitted_at, judged_at, due_at, receipt_number, consolidated_as)
    SELECT u.network_id, u.unit_path, u.id, m::date, 1, 'rows', 'consolidated', '', 1, m + interval '1 month',
           %(each)s, %(each)s, %(each)s, %(each)s, 0, m + interval '1 month', m + interval '1 month',
           m + interval '1 month 5 days', u.code || to_char(m, 'YYYYMM'), 0
    FROM unit u, generate_series(timestamp '2026-09-01', timestamp '2026-09-01' - interval '1 month' * %(months)s
                                 + interval '1 month', '-1 month') m
    WHERE u.network_id = %(network)s AND u.code LIKE 'X%%' ORDER BY m, u.id
"""
ROWS = f"""
    INSERT INTO customer_file_row (network_id, unit_path, file_id, row_no, status, customer_name, phone, address,
      product_model, purchase_date, purchase_region, quantity, order_no)
    SELECT f.network_id, f.unit_path, f.id, 2 + i / f.files, 'good',
           CASE WHEN i < {RARE_COUNT} THEN '{RARE}' ELSE {NAMES} END,
           '13' || lpad(((i * 7919::bigint) %% 1000000000)::text, 9, '0'),
           '上海市浦东新区中山东路' || abs(hashint8(i + 3)) %% 900 || '号阳光花园' || abs(hashint8(i + 5)) %% 40 || '栋1203室',
           'KT-' || 60 + i %% 3 * 30 || 'A', f.month + (i %% 28)::int, '上海市浦东新区', 1 + i %% 5,
           'OLD' || lpad(i::text, 9, '0')
    FROM (SELECT row_number() OVER (ORDER BY id) - 1 AS place, count(*) OVER () AS files, f.*
          FROM customer_file f WHERE f.network_id = %(network)s AND f.sha256 = '' AND f.state = 'consolidated') f
    JOIN generate_series(0, %(count)s - 1) i ON i %% f.files = f.place
"""
CUSTOMERS = """
    INSERT INTO customer_source (network_id, unit_path, file_id, unit_id, month)
    SELECT network_id, unit_path, id, unit_id, month FROM customer_file
    WHERE network_id = %(network)s AND sha256 = '' AND state = 'consolidated';
    INSERT INTO customer (network_id, unit_path, unit_id, name, phone, address, first_month, last_month, orders, facets)
    SELECT r.network_id, r.unit_path, s.unit_id, r.customer_name, r.phone, r.address, s.month, s.month,
           ARRAY[r.order_no], ARRAY[to_char(s.month, 'YYYY-MM') || '|', '|' || r.product_model,
                                    to_char(s.month, 'YYYY-MM') || '|' || r.product_model]
    FROM customer_file_row r JOIN customer_source s ON s.file_id = r.file_id WHERE r.network_id = %(network)s
    ON CONFLICT DO NOTHING;
    INSERT INTO customer_search (customer_id, network_id, unit_path, facets, body)
    SELECT id, network_id, unit_path, facets, customer_body(name, phone, address, orders) FROM customer;
    INSERT INTO customer_facet (network_id, facet, unit_path, customer_id)
    SELECT network_id, facet, unit_path, id FROM customer, unnest(facets) AS facet;
"""


def more_dealers(world: World) -> None:
    """Dealers X01 to X80 in the region R2."""
    admin = commander(world.network)
    lines = [
        UnitLine(row, "dealer", f"X{row:02d}", f"经销商{row:02d}", "R2") for row in range(1, DEALERS + 1)
    ]
    network.import_units(admin, world.network.root_path, lines, clock.now() - timedelta(days=900))
    clocks.open_months(world.network, clock.now())
    done()


def crowd(url: str, world: World, count: int, *, customers: bool = True) -> None:
    """`count` consolidated purchases of 80 dealers in 24 earlier months; with `customers`, what they are found by too."""
    given = {
        "network": world.network.id,
        "months": MONTHS,
        "each": count // (DEALERS * MONTHS),
        "count": count,
    }
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica; SET maintenance_work_mem = '1GB'")
        connection.execute(FILES, given)
        connection.execute(ROWS, given)
        if customers:
            index = connection.execute(
                "SELECT pg_get_indexdef('ix_customer_search_tokens'::regclass)"
            ).fetchone()
            assert index is not None
            connection.execute("DROP INDEX ix_customer_search_tokens")
            for statement in filter(str.strip, CUSTOMERS.split(";")):
                connection.execute(statement, given)
            connection.execute(index[0])
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


# --- signed in ------------------------------------------------------------------------------------------------------


def signed_in(app: Portal, actor: Actor) -> FlaskClient:
    """A browser in which this person is signed in, without the cost of the password."""
    client = app.test_client()
    as_(actor)
    stamp = db.session.execute(
        db.text("SELECT id || '|' || stamp FROM person WHERE id = :id"), {"id": actor.person_id}
    ).scalar_one()
    done()
    with client.session_transaction() as kept:
        kept["_user_id"] = stamp
        kept["_fresh"] = True
        kept["membership"] = actor.membership_id
        kept["seen"] = int(clock.now().timestamp())
    return client
