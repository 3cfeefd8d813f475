"""The flooring brand's customer form, as the tests of the rules need it."""

from datetime import date

from portal.customer_files.rules import Column, Judged, Limits, judge, read, recognise

REGIONS = ("华东", "华南", "华北", "西南", "华中", "东北", "西北")
COLUMNS = (
    Column("customer_name", ("客户姓名",), required=True, label_zh="客户姓名", label_en="Customer name"),
    Column("phone", ("联系电话",), required=True, kind="phone", label_zh="联系电话", label_en="Phone"),
    Column("address", ("地址",), required=True, limit=1000, label_zh="地址", label_en="Address"),
    Column("product_model", ("产品型号",), required=True, label_zh="产品型号", label_en="Product model"),
    Column(
        "purchase_date",
        ("购买日期",),
        required=True,
        kind="date",
        label_zh="购买日期",
        label_en="Purchase date",
    ),
    Column("purchase_region", ("购买区域",), required=True, label_zh="购买区域", label_en="Purchase area"),
    Column("quantity", ("数量",), required=True, kind="whole", label_zh="数量", label_en="Quantity"),
    Column("area", ("购买面积（㎡）",), kind="decimal", label_zh="购买面积（㎡）", label_en="Area (㎡)"),
    Column("order_no", ("订单号",), label_zh="订单号", label_en="Order number"),
    Column("installer", ("安装师傅",), label_zh="安装师傅", label_en="Installer"),
    Column("installed_on", ("安装日期",), kind="date", label_zh="安装日期", label_en="Installed on"),
    Column("remarks", ("备注",), limit=1000, label_zh="备注", label_en="Remarks"),
)
NAMES = tuple(column.name for column in COLUMNS)
HEADINGS = ["客户姓名", "联系电话", "地址", "产品型号", "购买日期", "购买区域", "数量", "订单号", "备注"]
GOOD = [
    "王芳",
    "13000010000",
    "浙江省杭州市西湖区文三路435号10栋882室",
    "KT-88",
    "2026-10-05",
    "华东",
    "1",
    "SO1",
    "送货上门",
]
MONTH = date(2026, 10, 1)
TODAY = date(2026, 11, 3)


def judged(
    content: bytes, name: str = "file", columns: tuple[Column, ...] = COLUMNS, today: date = TODAY
) -> Judged:
    """Read and judge a file as the service does."""
    sheet = read(content, name, Limits(), columns)
    return judge(sheet, recognise(sheet.rows, columns), columns, MONTH, today)


def csv_of(*rows: list[str], headings: list[str] | None = None) -> bytes:
    """A csv of the usual headings and these rows, in UTF-8."""
    return "\n".join(",".join(row) for row in [headings or HEADINGS, *rows]).encode()


def with_cell(**cells: str) -> list[str]:
    """The good row with other cells; the key is the canonical name."""
    names = [
        "customer_name",
        "phone",
        "address",
        "product_model",
        "purchase_date",
        "purchase_region",
        "quantity",
        "order_no",
        "remarks",
    ]
    return [cells.get(name, value) for name, value in zip(names, GOOD, strict=True)]
