"""The pages of customer files: the dealer's month, receipts, the region's board, all regions."""

from portal.customer_files.pages import filing, headquarters, mending, receipts, region, reviewing
from portal.customer_files.pages.door import room

__all__ = ["filing", "headquarters", "mending", "receipts", "region", "reviewing", "room"]
