"""The limit for a page of 50 rows: Flask, SQLAlchemy Core, one query, one small template. No sign-in, language or walls.

Run by throughput.py: BENCH_URL=… gunicorn bench.bare_page:app
"""

import os

from flask import Flask, render_template
from jinja2 import DictLoader
from sqlalchemy import create_engine, text

engine = create_engine(os.environ["BENCH_URL"])
ROWS = text(
    """
    SELECT c.id, c.name, c.phone, c.address, c.first_month, u.name AS unit, r.product_model, r.purchase_date, r.quantity,
           r.order_no
    FROM (SELECT * FROM customer WHERE network_id = :network AND last_month IS NOT NULL
          ORDER BY unit_path, id LIMIT 50) c
    JOIN unit u ON u.id = c.unit_id
    CROSS JOIN LATERAL (SELECT * FROM customer_file_row r WHERE r.network_id = c.network_id AND r.phone = c.phone
                        AND r.customer_name = c.name LIMIT 1) r
    ORDER BY c.unit_path, c.id
    """
)
PAGE = """<!doctype html><html lang="zh"><head><meta charset="utf-8"><title>{{ title }}</title></head><body>
<header><nav>{% for n in nav %}<a href="{{ n[0] }}">{{ n[1] }}</a>{% endfor %}</nav></header><main><h1>{{ title }}</h1>
<table><thead><tr><th>客户</th><th>电话</th><th>地址</th><th>月份</th><th>经销商</th><th>型号</th><th>购买日期</th><th>数量</th><th>订单号</th></tr></thead><tbody>
{% for r in rows %}<tr><td><a href="/customers/{{ r.id }}">{{ r.name }}</a></td><td>{{ r.phone }}</td><td>{{ r.address }}</td><td>{{ r.first_month }}</td>
<td>{{ r.unit }}</td><td>{{ r.product_model }}</td><td>{{ r.purchase_date }}</td><td>{{ r.quantity }}</td><td>{{ r.order_no }}</td></tr>
{% endfor %}</tbody></table></main></body></html>"""
NAV = [("/", "首页"), ("/files", "上传"), ("/visits", "回访"), ("/coverage", "覆盖"), ("/cases", "处罚")]
app = Flask(__name__)
app.jinja_loader = DictLoader({"page.html": PAGE})


@app.get("/customers")
def customers() -> str:
    with engine.connect() as connection:
        rows = connection.execute(ROWS, {"network": int(os.environ["BENCH_NETWORK"])}).all()
        return render_template("page.html", rows=rows, title="客户", nav=NAV)
