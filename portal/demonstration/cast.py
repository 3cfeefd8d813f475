"""The two demonstration brands: their units, people and what each dealer does in the running month. Data only."""

from dataclasses import dataclass

PASSWORD = "Qingyu-2026"  # noqa: S105 - shown on the sign-in page of the demonstration, refused in production
FLOORING = "QY"
MACHINES = "ZL"
BRANDS = {
    FLOORING: {"zh": "青榆地板", "en": "Qingyu Flooring"},
    MACHINES: {"zh": "中力机械", "en": "Zhongli Machinery"},
}

UNITS = """
channel HD 华东渠道 HQ
region ZJ 浙江区 HD
region JS 江苏区 HD
region SH 上海区 HD
region AH 安徽区 HD
dealer ZJ-0101 嘉兴南湖木作家居 ZJ 嘉兴市
dealer ZJ-0102 湖州安吉竹海建材 ZJ 湖州市
dealer ZJ-0103 台州椒江海悦建材 ZJ 台州市
dealer ZJ-0104 绍兴柯桥百合建材 ZJ 绍兴市
dealer ZJ-0107 杭州恒居建材有限公司 ZJ 杭州市
dealer ZJ-0110 宁波鄞州顺达地板 ZJ 宁波市
dealer ZJ-0115 温州瓯海锦程建材 ZJ 温州市
dealer ZJ-0118 金华婺城宜家美 ZJ 金华市
dealer ZJ-0121 衢州柯城鑫磊装饰 ZJ 衢州市
dealer JS-0201 南京玄武雅居地板 JS 南京市
dealer JS-0202 苏州姑苏园林建材 JS 苏州市
dealer JS-0203 无锡梁溪太湖木业 JS 无锡市
dealer JS-0204 常州天宁龙城装饰 JS 常州市
dealer JS-0205 扬州广陵瘦西湖家居 JS 扬州市
dealer JS-0206 徐州云龙彭城地板 JS 徐州市
dealer SH-0301 上海浦东东方木业 SH 浦东新区
dealer SH-0302 上海闵行莘庄建材 SH 闵行区
dealer SH-0303 上海嘉定汽车城家居 SH 嘉定区
dealer SH-0304 上海松江大学城地板 SH 松江区
dealer AH-0401 合肥蜀山徽州建材 AH 合肥市
dealer AH-0402 芜湖镜湖江南木业 AH 芜湖市
dealer AH-0403 马鞍山雨山钢城装饰 AH 马鞍山市
dealer AH-0404 安庆迎江黄梅家居 AH 安庆市
dealer AH-0405 黄山屯溪新安地板 AH 黄山市
store ZJ-0107-A 恒居西湖店 ZJ-0107
store ZJ-0107-B 恒居余杭店 ZJ-0107
store ZJ-0110-A 顺达江北店 ZJ-0110
store JS-0201-A 雅居河西店 JS-0201
store JS-0201-B 雅居江宁店 JS-0201
"""
PEOPLE = """
agent@qingyu.example 林晓雯 HQ hq_agent
agent2@qingyu.example 何嘉宁 HQ hq_agent
supervisor@qingyu.example 许文静 HQ hq_supervisor
officer@qingyu.example 苏启明 HQ sanction_officer
approver@qingyu.example 陈国栋 HQ sanction_approver
approver2@qingyu.example 郑海燕 HQ sanction_approver
approver3@qingyu.example 罗永年 HQ sanction_approver
finance@qingyu.example 范玉兰 HQ finance
executive@qingyu.example 叶志远 HQ executive
admin@qingyu.example 魏强 HQ administrator
channel@qingyu.example 宋建华 HD channel_manager
zhejiang@qingyu.example 周敏 ZJ regional_manager
jiangsu@qingyu.example 顾新宇 JS regional_manager
shanghai@qingyu.example 沈佳琪 SH regional_manager
anhui@qingyu.example 汪明远 AH regional_manager
principal@hengju.example 余建平 ZJ-0107 dealer_principal
clerk@hengju.example 方小琴 ZJ-0107 dealer_clerk
clerk@ruiju.example 郑磊 ZJ-0121 dealer_clerk
store@hengju.example 金巧云 ZJ-0107-A store_clerk
"""
"""Who is named on the sign-in page; every other dealer and store gets an invented clerk with a mobile number."""

PLACES = {
    "ZJ": ("浙江省杭州市西湖区", "浙江"),
    "JS": ("江苏省南京市玄武区", "江苏"),
    "SH": ("上海市浦东新区", "上海"),
    "AH": ("安徽省合肥市蜀山区", "安徽"),
}
TOWNS = {
    "ZJ-0101": "浙江省嘉兴市南湖区",
    "ZJ-0102": "浙江省湖州市安吉县",
    "ZJ-0103": "浙江省台州市椒江区",
    "ZJ-0104": "浙江省绍兴市柯桥区",
    "ZJ-0110": "浙江省宁波市鄞州区",
    "ZJ-0115": "浙江省温州市瓯海区",
    "ZJ-0118": "浙江省金华市婺城区",
    "ZJ-0121": "浙江省衢州市柯城区",
    "JS-0202": "江苏省苏州市姑苏区",
    "JS-0203": "江苏省无锡市梁溪区",
    "JS-0204": "江苏省常州市天宁区",
    "JS-0205": "江苏省扬州市广陵区",
    "JS-0206": "江苏省徐州市云龙区",
    "AH-0402": "安徽省芜湖市镜湖区",
    "AH-0403": "安徽省马鞍山市雨山区",
    "AH-0404": "安徽省安庆市迎江区",
    "AH-0405": "安徽省黄山市屯溪区",
}


@dataclass(frozen=True)
class Doing:
    """What a dealer does in the running month: `act`, the local time it does so, with how many customers."""

    act: str
    at: str = ""
    rows: int = 0


RUNNING: dict[str, Doing] = {
    "ZJ-0101": Doing("checked", "2026-11-03 10:12", 64),
    "ZJ-0102": Doing("nothing"),
    "ZJ-0103": Doing("nil_checked", "2026-11-02 09:05"),
    "ZJ-0104": Doing("returned", "2026-11-04 11:40", 73),
    "ZJ-0107": Doing("ready", "2026-11-05 21:10", 86),
    "ZJ-0110": Doing("submitted", "2026-11-05 21:40", 112),
    "ZJ-0115": Doing("nothing_extended", "2026-11-05 16:00"),
    "ZJ-0118": Doing("submitted", "2026-11-05 23:51", 57),
    "ZJ-0121": Doing("errors", "2026-11-05 22:30", 40),
    "JS-0201": Doing("submitted", "2026-11-04 15:20", 95),
    "JS-0202": Doing("checked", "2026-11-03 09:45", 81),
    "JS-0203": Doing("late", "2026-11-06 08:55", 38),
    "JS-0204": Doing("withdrawn", "2026-11-04 10:30", 29),
    "JS-0205": Doing("submitted", "2026-11-05 16:05", 44),
    "JS-0206": Doing("nothing"),
    "SH-0301": Doing("checked", "2026-11-02 14:00", 120),
    "SH-0302": Doing("checked", "2026-11-03 16:20", 66),
    "SH-0303": Doing("nil_checked", "2026-11-03 11:30"),
    "SH-0304": Doing("late", "2026-11-06 08:40", 31),
    "AH-0401": Doing("submitted", "2026-11-05 10:10", 58),
    "AH-0402": Doing("submitted", "2026-11-05 19:30", 33),
    "AH-0403": Doing("errors", "2026-11-05 20:15", 22),
    "AH-0404": Doing("submitted", "2026-11-04 09:00", 27),
    "AH-0405": Doing("checking_again", "2026-11-05 23:20", 19),
}
ODD: dict[str, tuple[tuple[str, str, tuple[int, ...]], ...]] = {
    "ZJ-0118": (("phone", "13900007777", (4, 9, 17, 30)),),
    "SH-0301": (
        ("phone", "13900008888", (71, 90, 104, 112)),
        ("address", "上海市浦东新区张杨路828号华都大厦1602室", (90, 104, 112, 115)),
    ),
}
"""What the signals look for in the running month's files: (column, value, the rows that share it)."""
SWEEPS = (
    "2026-11-03 20:30",
    "2026-11-04 20:30",
    "2026-11-05 18:00",
    "2026-11-05 20:30",
    "2026-11-06 00:01",
    "2026-11-06 08:00",
)
"""When the minute's sweep has something to do: the reminders' times, the limit, the morning after."""
USUAL = {
    "ZJ-0121": 91,
    "ZJ-0102": 34,
    "ZJ-0103": 22,
    "ZJ-0115": 41,
    "JS-0206": 26,
    "SH-0303": 17,
    "SH-0304": 48,
}
"""Customers in a usual month, of those whose running month says little: one has filed less than half of it so far."""
USUAL_OF_A_STORE = 6


def usual(dealer: str) -> int:
    """About how many customers this dealer has in a month."""
    return USUAL.get(dealer) or RUNNING[dealer].rows


CONSOLIDATED = {"SH": ("2026-11-05 17:30", {"SH-0304": "负责人住院，6 日补报"})}
"""Regions that have already sent the running month, with their reasons for whoever is missing."""

LATE_BEFORE = {("ZJ-0102", 9), ("ZJ-0102", 8), ("ZJ-0115", 9), ("JS-0206", 8), ("AH-0403", 7)}
"""(dealer, month of purchase) that were filed after the deadline in the three months before."""

MACHINE_UNITS = """
region NF 南方大区 HQ
region BF 北方大区 HQ
dealer NF-01 广州天河机电 NF 广州市
dealer NF-02 长沙岳麓重工 NF 长沙市
dealer NF-03 南宁青秀工程机械 NF 南宁市
dealer BF-01 济南历下机械 BF 济南市
dealer BF-02 西安雁塔设备 BF 西安市
"""
MACHINE_PEOPLE = """
supervisor@zhongli.example 石磊 HQ hq_supervisor
admin@zhongli.example 丁一诺 HQ administrator
south@zhongli.example 廖东海 NF regional_manager
north@zhongli.example 崔刚 BF regional_manager
clerk@zhongli.example 卢秀英 NF-01 dealer_clerk
agent@qingyu.example 林晓雯 HQ hq_agent
"""


def all_units() -> list[str]:
    """The lines of both brands' units: kind, code, name, parent, and a dealer's city."""
    return [*UNITS.strip().splitlines(), *MACHINE_UNITS.strip().splitlines()]


CALLS = 56
RESULTS = (
    ("reached", "satisfied", ""),
    ("reached", "satisfied", "安装师傅很仔细"),
    ("no_answer", "", ""),
    ("reached", "satisfied", ""),
    ("reached", "unsatisfied", "踢脚线有色差，客厅一条缝没有打胶"),
    ("reached", "satisfied", ""),
    ("busy", "", ""),
    ("reached", "satisfied", "服务不错"),
    ("callback", "", "现在开会，晚点再打"),
    ("reached", "satisfied", ""),
    ("wrong_number", "", "机主说没有买过地板"),
    ("reached", "satisfied", ""),
    ("not_installed", "", "还没有安装，下周才铺"),
    ("reached", "suspicious", "说不清买的是什么，也不记得安装过"),
    ("reached", "satisfied", ""),
    ("refused", "", "不愿意接受回访"),
)
"""(result, outcome, the customer's words) of one call after another."""
