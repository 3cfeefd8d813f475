"""The pages of clocks: what is due first, one clock with a superior's decisions; words of time for all."""

from portal.clocks.pages import listed, one, shown
from portal.clocks.pages.door import room

__all__ = ["listed", "one", "room", "shown"]
