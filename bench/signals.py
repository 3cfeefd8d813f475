"""How many planted inventions the signals find, by kind, and how many true customers they point at.

A made-up year with a fixed seed (tests/return_visits/inventions.py): 40 dealers, seven months; the last one is filed with
inventions of eight kinds. Written past the walls, looked at through the room's own verb. Figures, not goals: nobody can
see a careful invention in figures, and a signal condemns nobody.
"""

import argparse
import sys
from collections import Counter, defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psycopg

from bench.ground import MONTH, NOW, as_, done, ground, timed
from portal import network
from portal.core import clock
from portal.core import month as months
from portal.core.db import db
from portal.network import UnitLine
from portal.return_visits import queries
from portal.return_visits.service import look
from tests.factories import commander
from tests.return_visits.inventions import KINDS, Town

DEALERS, EARLIER = 40, 6
SIZES = (8, 160)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seed", type=int, default=2026)
    asked.add_argument("--each", type=int, default=12, help="inventions of each kind")
    given = asked.parse_args()
    with ground("portal_bench_signals") as (_, world, url):
        codes = [f"X{number:02d}" for number in range(1, DEALERS + 1)]
        lines = [UnitLine(2, "dealer", code, f"经销商{code}", "R2") for code in codes]
        network.import_units(commander(world.network), world.network.root_path, lines, clock.now())
        units = {unit.code: unit for unit in network.units_below(world.network.root_path, kind="dealer")}
        done()
        listed = [months.earlier(MONTH, back) for back in range(EARLIER, -1, -1)]
        town = Town(given.seed, codes, listed, SIZES)
        town.plant(given.each)
        with psycopg.connect(url) as connection:
            town.file(connection, {code: units[code] for code in codes})
            connection.execute("ANALYZE")
        head = as_(world.actors["supervisor"])
        seconds = timed(lambda: look(head, [units[code].id for code in codes], MONTH))
        done()
        as_(world.actors["supervisor"])
        _tell(town, units, seconds, queries.calling(world.network.id, MONTH).book.signals.suspicious_from)


def _tell(town: Town, units: dict[str, network.Unit], seconds: float, suspicious_from: int) -> None:
    rows = db.session.execute(db.text("SELECT dealer_id, phone, name, weight, seen FROM filed_signal")).all()
    found = {(row[0], row[1], row[2]): (row[3], {each["code"] for each in row[4]}) for row in rows}
    tally: dict[str, Counter[str]] = defaultdict(Counter)
    why: Counter[str] = Counter()
    for dealer, one in town.last_month():
        weight, codes = found.get((units[dealer.code].id, one.phone, one.name), (0, set()))
        kind = one.planted or "true"
        tally[kind].update(all=1, seen=int(bool(codes)), first=int(weight >= suspicious_from))
        if not one.planted:
            why.update(codes)
    people = sum(each["all"] for each in tally.values())
    print(
        f"{people:,} people of {len(town.dealers)} dealers in {seconds:.2f} s ({NOW:%Y-%m}, weights of the flooring rulebook)"
    )
    for kind in (*KINDS, "true"):
        many = tally[kind]
        print(
            f"  {kind:12} {many['all']:6,}: with a signal {many['seen'] / many['all']:6.1%}, "
            f"called before the oldest {many['first'] / many['all']:6.1%}"
        )
    planted = [tally[kind] for kind in KINDS]
    hidden = [tally[kind] for kind in KINDS if kind != "careful"]
    for words, some in (("all kinds", planted), ("all but the careful", hidden)):
        whole = sum(each["all"] for each in some)
        print(f"  recall, {words}: {sum(each['seen'] for each in some) / whole:.1%} of {whole:,}")
    marked = sum(each["seen"] for each in tally.values())
    print(
        f"  precision: {sum(each['seen'] for each in planted) / marked:.1%} of {marked:,} with a signal are planted"
    )
    print(f"  true ones with a signal, why: {dict(why.most_common())}")


if __name__ == "__main__":
    main()
