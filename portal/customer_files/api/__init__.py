"""The JSON API of customer files and consolidations (API.md)."""

from portal.customer_files.api import consolidations
from portal.customer_files.api.files import api

__all__ = ["api", "consolidations"]
