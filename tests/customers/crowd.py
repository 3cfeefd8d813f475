"""Many customers, made by the database itself: a brand of 200 dealers in 20 regions, and a small one beside it."""

from typing import Any

import psycopg

SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢"
)
GIVEN = (
    "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰红梅建国文斌辉鹏飞宇浩轩子涵梓萱一诺欣怡雨桐晨思远"
)
RARE = "欧阳翡翠"
"""A name that one customer has."""

UNITS = """
INSERT INTO network (id, code, name, name_en, time_zone, root_path, created_at) OVERRIDING SYSTEM VALUE
SELECT n, 'n' || n, 'n' || n, 'n' || n, 'Asia/Shanghai', lpad((n * 10000)::text, 6, '0') || '.', now()
FROM generate_series(1001, 1002) n;
INSERT INTO unit (id, network_id, unit_path, code, kind, name, sort_key, parent_id, status, joined_at)
OVERRIDING SYSTEM VALUE
SELECT n * 10000, n, n * 10000 || '.', 'HQ', 'headquarters', 'HQ', '', NULL, 'active', now()
FROM generate_series(1001, 1002) n;
INSERT INTO unit (id, network_id, unit_path, code, kind, name, sort_key, parent_id, status, joined_at)
OVERRIDING SYSTEM VALUE
SELECT n * 10000 + r, n, n * 10000 || '.' || n * 10000 + r || '.', 'R' || r, 'region', '区' || r, '', n * 10000,
       'active', now()
FROM generate_series(1001, 1002) n, generate_series(1, 20) r;
INSERT INTO unit (id, network_id, unit_path, code, kind, name, sort_key, parent_id, status, joined_at)
OVERRIDING SYSTEM VALUE
SELECT r.id * 100 + d, r.network_id, r.unit_path || r.id * 100 + d || '.', 'D' || r.id * 100 + d, 'dealer',
       '商' || d, '', r.id, 'active', now()
FROM unit r, generate_series(1, 10) d WHERE r.kind = 'region' AND r.network_id > 1000;
INSERT INTO customer_file (network_id, unit_path, unit_id, month, version, kind, state, sha256, size, received_at,
                           submitted_at, receipt_number)
SELECT u.network_id, u.unit_path, u.id, m::date, 1, 'rows', 'submitted', '', 0, now(), now(), u.code || m::date
FROM unit u, generate_series(timestamp '2024-11-01', '2026-10-01', '1 month') m
WHERE u.kind = 'dealer' AND u.network_id > 1000 ORDER BY m, u.id;
"""
ROWS = """
INSERT INTO customer_file_row (network_id, unit_path, file_id, row_no, status, customer_name, phone, address,
                               product_model, purchase_date, quantity, order_no)
SELECT f.network_id, f.unit_path, f.id, i, 'good',
       CASE WHEN i = {n} / 2 THEN '{rare}' ELSE
         substr('{surnames}', 1 + (hashint8(i) & 1023) % {surname_count}, 1)
         || substr('{given}', 1 + (hashint8(i + 7) & 1023) % {given_count}, 1)
         || CASE WHEN hashint8(i) % 5 <> 0 THEN substr('{given}', 1 + (hashint8(i + 13) & 1023) % {given_count}, 1)
            ELSE '' END END,
       '1' || (ARRAY['38','39','50','59','86','88','33','89'])[1 + (hashint8(i + 3) & 7)]
         || lpad((hashint8(i + 5)::bigint & 2147483647)::text, 10, '0')::text COLLATE "C",
       '上海市浦东新区中山东路' || (hashint8(i + 11) & 1023) || '号阳光花园' || (hashint8(i + 17) & 31)
         || '栋2单元1203室',
       'KT-' || 60 + (i % 5) * 30 || 'A', f.month, 1, 'SO' || lpad(i::text, 10, '0')
FROM (SELECT row_number() OVER (ORDER BY id) - 1 AS place, count(*) OVER () AS files, f.*
      FROM customer_file f WHERE f.network_id = {network}) f
JOIN generate_series(1, {n}) i ON i % f.files = f.place
"""
TAKE = """
SELECT set_config('portal.network', '{network}', false), set_config('portal.scope_from', '{root}', false),
       set_config('portal.scope_to', '{high}', false);
INSERT INTO customer_source (network_id, unit_path, file_id, unit_id, month)
SELECT network_id, unit_path, id, unit_id, month FROM customer_file WHERE network_id = {network};
"""


def a_crowd(connection: "psycopg.Connection[Any]", n: int, small: int = 1000) -> None:
    """`n` purchases in network 1001, `small` in 1002; `connection` belongs to whoever owns the server."""
    connection.execute(UNITS)
    for network, rows in ((1001, n), (1002, small)):
        connection.execute(
            ROWS.format(
                n=rows,
                network=network,
                rare=RARE,
                surnames=SURNAMES,
                surname_count=len(SURNAMES),
                given=GIVEN,
                given_count=len(GIVEN),
            )
        )
        root = f"{network * 10000}."
        connection.execute(TAKE.format(network=network, root=root, high=f"{root[:-1]}/"))
        connection.execute(
            """
            INSERT INTO customer (network_id, unit_path, unit_id, name, phone, address, first_month, last_month, orders,
                                  facets)
            SELECT r.network_id, r.unit_path, s.unit_id, r.customer_name, r.phone, r.address, s.month, s.month,
                   ARRAY[r.order_no], ARRAY[to_char(s.month, 'YYYY-MM') || '|', '|' || r.product_model,
                                            to_char(s.month, 'YYYY-MM') || '|' || r.product_model]
            FROM customer_file_row r JOIN customer_source s ON s.file_id = r.file_id
            WHERE r.network_id = %s ON CONFLICT DO NOTHING
            """,
            (network,),
        )
    connection.execute("VACUUM ANALYZE")
