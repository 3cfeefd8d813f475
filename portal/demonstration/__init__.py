"""The demonstration networks: invented by a generator with a fixed seed, loaded once by `flask up --demo`."""

from portal.demonstration.load import load
from portal.demonstration.stage import start

__all__ = ["load", "start"]
