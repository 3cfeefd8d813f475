"""The API's operations on return visits."""

from portal.return_visits.api import calls, rectifications
from portal.return_visits.api.steps import api

__all__ = ["api", "calls", "rectifications"]
