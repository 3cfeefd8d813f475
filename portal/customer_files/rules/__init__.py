"""Rules of customer files: pure, values in and values out."""

from portal.customer_files.rules.columns import Column, Limits
from portal.customer_files.rules.headings import Headings, recognise
from portal.customer_files.rules.judging import Judged, duplicates, from_records, judge, judge_row
from portal.customer_files.rules.problems import Code, FileRefused, Problem, message, suggestion
from portal.customer_files.rules.reading import read
from portal.customer_files.rules.sheet import Cell, Odd, Sheet

__all__ = [
    "Cell",
    "Code",
    "Column",
    "FileRefused",
    "Headings",
    "Judged",
    "Limits",
    "Odd",
    "Problem",
    "Sheet",
    "duplicates",
    "from_records",
    "judge",
    "judge_row",
    "message",
    "read",
    "recognise",
    "suggestion",
]
