"""The peer: django-import-export as its admin uses it, with its fastest set-up (use_bulk, skip_diff, batches of 1,000).

Usage: peer_import_export.py URL FILE.csv — prints seconds of dry run and import together, last on standard output.
It checks what the portal checks of this file, by the means that Django has for it: required fields, phone, date in the
month, an order number twice in the file (a set), and one that is in the database already (a unique constraint, which
full_clean looks up for each row). Without that last look it takes about a third of the time, but would refuse the whole
file at its first repeated order number, as a failed INSERT.
"""

import re
import sys
import time
from datetime import date
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import django
from django.conf import settings

url = urlsplit(sys.argv[1])
asked = dict(parse_qsl(url.query))
settings.configure(
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": url.path[1:],
            "USER": url.username or "postgres",
            "PASSWORD": url.password or "",
            "HOST": asked.get("host") or url.hostname or "",
            "PORT": url.port or "",
        }
    },
    INSTALLED_APPS=["import_export"],
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
)
django.setup()

from django.core.exceptions import ValidationError
from django.db import connection, models
from import_export import fields, resources
from tablib import Dataset

PHONE = re.compile(r"1[3-9]\d{9}")


class PeerCustomer(models.Model):
    tenant_id = models.BigIntegerField(default=1)
    name = models.CharField(max_length=100)
    phone = models.CharField(max_length=20, db_index=True)
    address = models.CharField(max_length=1000)
    model = models.CharField(max_length=100)
    bought_on = models.DateField()
    region = models.CharField(max_length=100)
    quantity = models.IntegerField()
    order_no = models.CharField(max_length=100)
    remarks = models.CharField(max_length=1000, blank=True, default="")

    class Meta:
        app_label = "import_export"
        db_table = "peer_customer"
        constraints = (models.UniqueConstraint(fields=["tenant_id", "order_no"], name="peer_order"),)


class Customers(resources.ModelResource):
    name = fields.Field("name", "客户姓名")
    phone = fields.Field("phone", "电话")
    address = fields.Field("address", "地址")
    model = fields.Field("model", "产品型号")
    bought_on = fields.Field("bought_on", "购买日期")
    region = fields.Field("region", "购买区域")
    quantity = fields.Field("quantity", "数量")
    order_no = fields.Field("order_no", "订单号")
    remarks = fields.Field("remarks", "备注")

    class Meta:
        model = PeerCustomer
        import_id_fields = ("order_no",)
        exclude = ("id", "tenant_id")
        clean_model_instances = True
        use_transactions = True
        use_bulk = True
        batch_size = 1000
        skip_diff = True
        force_init_instance = True
        report_skipped = False

    def before_import(self, dataset, **kwargs):
        self.seen = set()

    def before_import_row(self, row, **kwargs):
        if row["订单号"] in self.seen:
            raise ValidationError("duplicate order number in the file")
        self.seen.add(row["订单号"])
        row["备注"] = row["备注"] or ""

    def before_save_instance(self, instance, row, **kwargs):
        if not PHONE.fullmatch(instance.phone or ""):
            raise ValidationError("phone")
        bought = date.fromisoformat(str(instance.bought_on))
        if not date(2026, 10, 1) <= bought <= date(2026, 10, 31):
            raise ValidationError("date")


with connection.schema_editor() as editor:
    editor.create_model(PeerCustomer)
started = time.perf_counter()
dataset = Dataset().load(Path(sys.argv[2]).read_text(encoding="utf-8"), format="csv")
found = Customers().import_data(dataset, dry_run=True)
bad = {row.number for row in found.invalid_rows} | {row.number for row in found.error_rows}
kept = Dataset(*[row for number, row in enumerate(dataset, 1) if number not in bad], headers=dataset.headers)
Customers().import_data(kept, dry_run=False, rollback_on_validation_errors=True)
spent = time.perf_counter() - started
stored = PeerCustomer.objects.count()
with connection.schema_editor() as editor:
    editor.delete_model(PeerCustomer)
print(f"rows {len(dataset)}, refused {len(bad)}, stored {stored}", file=sys.stderr)
print(f"{spent:.3f}")
