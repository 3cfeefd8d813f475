"""The room of all these pages."""

from portal.access import Room

room = Room("clocks", __name__)
