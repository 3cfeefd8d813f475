"""The room of all these pages."""

from portal.access import Room

room = Room("sanctions", __name__)
