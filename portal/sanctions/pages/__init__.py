"""The pages of sanctions: boards, one case with what may be done now, the decision on paper, a unit's standing."""

from portal.sanctions.pages import acts, boards, case, handed, paper, proposing, standing
from portal.sanctions.pages.door import room

__all__ = ["acts", "boards", "case", "handed", "paper", "proposing", "room", "standing"]
