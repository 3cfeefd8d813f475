"""The ground that benchmarks stand on: an own database, a network, customer files by a seeded generator."""

import csv
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("PORTAL_PG_SHARED_BUFFERS", "2GB")

import psycopg
import xlsxwriter

from config.settings import Settings
from portal.access import Actor, act_as
from portal.app import Portal, create_app
from portal.core import clock, postgres
from portal.core.db import db, finish, libpq_url, look_as
from portal.core.schema import Database
from tests.factories import World, a_world

NOW = datetime(2026, 11, 3, 10, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
MONTH = date(2026, 10, 1)
HEADINGS = ["客户姓名", "电话", "地址", "产品型号", "购买日期", "购买区域", "数量", "订单号", "备注"]
SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭陆范汪廖石金"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰红梅建国文斌辉鹏飞宇浩轩子涵梓萱一诺欣怡雨桐晨思远嘉俊雪婷佳琪志海东波龙"
CITIES = ["上海市浦东新区", "浙江省杭州市西湖区", "江苏省南京市玄武区", "广东省深圳市南山区", "四川省成都市武侯区"]
MODELS = [f"{series}-{width}{finish_}" for series in ("ZF", "KT", "DB") for width in (60, 90, 120) for finish_ in "AB"]


def data_folder() -> Path:
    return Path(os.environ.get("PORTAL_BENCH_DATA") or Path(tempfile.gettempdir()) / f"portal-bench-{os.geteuid()}")


def rows(count: int, seed: int = 1, bad: float = 0.01, dup: float = 0.002) -> Iterator[list[object]]:
    """Rows of a customer file: 1 % with a fault, 0.2 % with an earlier order number; the same for the same seed."""
    chance = random.Random(seed)
    for place in range(count):
        name = chance.choice(SURNAMES) + chance.choice(GIVEN) + (chance.choice(GIVEN) if chance.random() < 0.8 else "")
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


def write_csv(path: Path, count: int, seed: int = 1) -> Path:
    with path.open("w", newline="", encoding="utf-8") as opened:
        writer = csv.writer(opened)
        writer.writerow(HEADINGS)
        writer.writerows(rows(count, seed))
    return path


def write_xlsx(path: Path, count: int, seed: int = 1) -> Path:
    book = xlsxwriter.Workbook(str(path), {"constant_memory": True, "strings_to_urls": False})
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
    settings = Settings(_env_file=None, database_url=url, portal_data=data_folder() / name, secret_key="b" * 40)
    Database(settings).make_ready()
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


def prefill(url: str, world: World, count: int) -> None:
    """`count` consolidated purchases of earlier months over 2,000 files, written past the walls by the superuser."""
    dealer = world.units["D2"]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        first = connection.execute("SELECT coalesce(max(id), 0) + 1 FROM customer_file").fetchone()
        assert first is not None
        files = max(1, count // 500)
        connection.execute(
            """INSERT INTO customer_file (id, network_id, unit_path, unit_id, month, version, kind, state, sha256, size,
                 received_at, total, good, bad, excluded, warnings, submit_when_ready, progress_done, progress_total)
               SELECT %(first)s + i, %(network)s, %(path)s, %(unit)s, date '2026-09-01' - (i %% 24) * interval '1 month',
                      1 + i / 24, 'sheet', 'consolidated', '', 1, now(), 500, 500, 0, 0, 0, false, 500, 500
               FROM generate_series(0, %(files)s - 1) i""",
            {
                "first": first[0],
                "network": world.network.id,
                "path": dealer.unit_path,
                "unit": dealer.id,
                "files": files,
            },
        )
        connection.execute(
            """INSERT INTO customer_file_row (network_id, unit_path, file_id, row_no, status, customer_name, phone, address,
                 product_model, purchase_date, purchase_region, quantity, order_no, installer, remarks)
               SELECT %(network)s, %(path)s, %(first)s + i / 500, 2 + i %% 500, 'good',
                      '王' || chr(20000 + i %% 5000) || chr(20000 + i %% 3001),
                      '13' || lpad(((i * 7919::bigint) %% 1000000000)::text, 9, '0'),
                      '上海市浦东新区中山东路' || i || '号阳光花园3栋1203室', 'KT-90A', date '2026-09-01' + i %% 30,
                      '上海', 1 + i %% 5, 'OLD' || lpad(i::text, 9, '0'), '', ''
               FROM generate_series(0, %(count)s - 1) i""",
            {
                "first": first[0],
                "network": world.network.id,
                "path": dealer.unit_path,
                "count": count,
            },
        )
        connection.execute("VACUUM ANALYZE customer_file_row")
        connection.execute("VACUUM ANALYZE customer_file")
        connection.execute("CHECKPOINT")
