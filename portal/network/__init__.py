"""Networks, their units, their holidays."""

from portal.network.models import Network, Unit
from portal.network.queries import (
    below,
    get_network,
    get_unit,
    holidays,
    list_networks,
    list_units,
    names_below,
    network_by_code,
    superior_of_kind,
    superiors,
    unit_below,
    unit_by_code,
    units_below,
    units_by_id,
)
from portal.network.rules import KINDS, UnitLine, workdays_after
from portal.network.service import create_network, import_units, pinyin

__all__ = [
    "KINDS",
    "Network",
    "Unit",
    "UnitLine",
    "below",
    "create_network",
    "get_network",
    "get_unit",
    "holidays",
    "import_units",
    "list_networks",
    "list_units",
    "names_below",
    "network_by_code",
    "pinyin",
    "superior_of_kind",
    "superiors",
    "unit_below",
    "unit_by_code",
    "units_below",
    "units_by_id",
    "workdays_after",
]
