"""What a network asks for in its customer file: columns and limits (source R048; values come from the rulebook)."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "phone", "date", "whole", "decimal"]


@dataclass(frozen=True)
class Column:
    """One canonical column.

    `limit` is in characters and counts for text only. `allowed` empty means that nothing is checked; a value outside
    it is an error where `strict`, else a warning.
    """

    name: str
    headings: tuple[str, ...] = ()
    required: bool = False
    kind: Kind = "text"
    limit: int = 100
    allowed: tuple[str, ...] = ()
    strict: bool = False
    label_zh: str = ""
    label_en: str = ""

    def label(self, language: str) -> str:
        """The column's name for a reader of `language` ("zh…" or "en…")."""
        own = self.label_zh if language.startswith("zh") else self.label_en
        return own or self.label_zh or self.label_en or self.name


@dataclass(frozen=True)
class Limits:
    """How large a file may be. Bytes as sent, bytes unpacked, rows with content, columns of the sheet."""

    bytes: int = 20_000_000
    unpacked_bytes: int = 200_000_000
    rows: int = 100_000
    columns: int = 200
