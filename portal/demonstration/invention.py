"""Invented people, addresses and purchases from a fixed seed: the same demonstration on every machine. Pure."""

import io
import random
from calendar import monthrange
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import ClassVar
from zoneinfo import ZoneInfo

import xlsxwriter

ZONE = ZoneInfo("Asia/Shanghai")
SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰红梅建国文斌辉鹏飞宇浩轩子涵梓萱一诺欣怡雨桐"
MODELS = (
    "QY-8206 烟熏橡木",
    "QY-8062 浅灰橡木",
    "QY-3108 原木橡木",
    "QY-5120 胡桃拼花",
    "QY-6601 白蜡木",
    "QY-7015 柚木",
)
REMARKS = ("", "", "", "", "", "周末安装", "老客户介绍", "需开发票", "工作日晚上联系")
STREETS = (
    "文一路",
    "古墩路",
    "中山北路",
    "解放路",
    "人民西路",
    "学院路",
    "滨江大道",
    "新华路",
    "湖滨路",
    "长江路",
)
ESTATES = ("阳光花园", "金地名都", "绿城家园", "锦绣江南", "翠湖天地", "御景湾")
TEST_PREFIXES = tuple(f"{start}0000" for start in (*range(133, 140), *range(150, 160), *range(180, 190)))
"""Numbers of the demonstration have four noughts in the middle, so that nobody's real one is shown."""


class Inventor:
    """Draws from one seeded source; each dealer has its own, so that one more dealer changes no other's people."""

    drawn: ClassVar[set[str]] = set()

    def __init__(self, seed: str) -> None:
        self.chance = random.Random(f"portal-demonstration/{seed}")  # noqa: S311 - not for secrets
        self._number = 0

    def person(self) -> str:
        given = "".join(self.chance.choice(GIVEN) for _ in range(self.chance.choice((1, 2, 2, 2))))
        return self.chance.choice(SURNAMES) + given

    def phone(self) -> str:
        """One that nobody of the demonstration has yet: what the signals find there was put there."""
        while True:
            drawn = self.chance.choice(TEST_PREFIXES) + f"{self.chance.randrange(10_000):04d}"
            if drawn not in Inventor.drawn:
                Inventor.drawn.add(drawn)
                return drawn

    def address(self, place: str) -> str:
        house = (
            f"{self.chance.randrange(1, 900)}号{self.chance.choice(ESTATES)}{self.chance.randrange(1, 30)}栋"
        )
        door = f"{self.chance.randrange(1, 5)}单元{self.chance.randrange(101, 2804)}室"
        return f"{place}{self.chance.choice(STREETS)}{house}{door}"

    def purchase(self, month: date, place: str, region: str, code: str) -> dict[str, object]:
        """One row of a customer file, as the API takes it."""
        self._number += 1
        bought = month + timedelta(days=self.chance.randrange(monthrange(month.year, month.month)[1]))
        return {
            "customer_name": self.person(),
            "phone": self.phone(),
            "address": self.address(place),
            "product_model": self.chance.choice(MODELS),
            "purchase_date": bought.isoformat(),
            "purchase_region": region,
            "quantity": self.chance.choice((1, 1, 1, 1, 2)),
            "area": round(self.chance.uniform(28, 160), 1),
            "order_no": f"{code.replace('-', '')}{month:%y%m}{self._number:04d}",
            "remarks": self.chance.choice(REMARKS),
        }

    def purchases(
        self, count: int, month: date, place: str, region: str, code: str
    ) -> Iterator[dict[str, object]]:
        for _ in range(count):
            yield self.purchase(month, place, region, code)


HEADINGS = {
    "customer_name": "客户姓名",
    "phone": "联系电话",
    "address": "详细地址",
    "product_model": "产品型号",
    "purchase_date": "购买日期",
    "purchase_region": "购买区域",
    "quantity": "数量",
    "area": "面积",
    "order_no": "订单号",
    "remarks": "备注",
}


def spreadsheet(rows: Sequence[Mapping[str, object]]) -> bytes:
    """These purchases as a dealer's own workbook; the same bytes on every machine."""
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True, "strings_to_formulas": False})
    book.set_properties({"created": datetime(2026, 11, 5)})  # noqa: DTZ001 - a workbook's time has no zone
    page = book.add_worksheet("十月")
    page.write_row(0, 0, HEADINGS.values())
    for at, row in enumerate(rows, 1):
        page.write_row(at, 0, [row.get(name, "") for name in HEADINGS])
    book.close()
    return target.getvalue()
