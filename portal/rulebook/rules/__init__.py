"""What a rulebook is: its schema with messages that say where, what other rooms ask it, and its plain words.

Pure: values in, values out. Money is in fen, shares in per cent, durations are timedeltas, times of day are
timedeltas since midnight (24:00 is a whole day).
"""

from portal.rulebook.rules.book import Consequence, Rulebook, RulebookError, WindowName, read, version_for
from portal.rulebook.rules.calling import Question, ReturnVisits, Script, Signals
from portal.rulebook.rules.duties import (
    Answerable,
    Breach,
    Dossier,
    Measure,
    MeasureKind,
    Procedure,
    Promise,
    RefundTerms,
    Retention,
    Who,
)
from portal.rulebook.rules.filing import (
    ALWAYS_REQUIRED,
    CANONICAL,
    Calendar,
    Column,
    CustomerFile,
    Escalation,
    Kind,
    Limits,
    Reminders,
    Window,
    Windows,
    Working,
)
from portal.rulebook.rules.headings import heading_key, heading_without_notes
from portal.rulebook.rules.reading import Chapter, chapters, cited
from portal.rulebook.rules.requirements import REQUIREMENTS, Requirement
from portal.rulebook.rules.values import (
    Span,
    Term,
    Words,
    duration,
    hour_and_minute,
    term,
    time_of_day,
    working_span,
)
from portal.rulebook.rules.wording import Entry, Series, duration_words, measure_words, money, term_words

__all__ = [
    "ALWAYS_REQUIRED",
    "CANONICAL",
    "REQUIREMENTS",
    "Answerable",
    "Breach",
    "Calendar",
    "Chapter",
    "Column",
    "Consequence",
    "CustomerFile",
    "Dossier",
    "Entry",
    "Escalation",
    "Kind",
    "Limits",
    "Measure",
    "MeasureKind",
    "Procedure",
    "Promise",
    "Question",
    "RefundTerms",
    "Reminders",
    "Requirement",
    "Retention",
    "ReturnVisits",
    "Rulebook",
    "RulebookError",
    "Script",
    "Series",
    "Signals",
    "Span",
    "Term",
    "Who",
    "Window",
    "WindowName",
    "Windows",
    "Words",
    "Working",
    "chapters",
    "cited",
    "duration",
    "duration_words",
    "heading_key",
    "heading_without_notes",
    "hour_and_minute",
    "measure_words",
    "money",
    "read",
    "term",
    "term_words",
    "time_of_day",
    "version_for",
    "working_span",
]
