"""The report of ``prepare``: what became of every file, bad ones included, and why; a table that stands beside the notes."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from melody.files import replace_file

REPORT = "report.csv"


class ReportRow(NamedTuple):
    """One file of the report, in the order of its columns."""

    path: str
    status: str  # "read", "skipped" or "duplicate"
    reason: str  # why it was not read, or remarks on what was read
    notes: int


def remarks(*texts: str) -> str:
    """Some remarks as one; empty ones are left out.

    >>> remarks("bar lines 1 quarters later", "", "a near-copy")
    'bar lines 1 quarters later; a near-copy'
    """
    return "; ".join(t for t in texts if t)


def with_remarks(rows: Iterable[ReportRow], by_path: Mapping[str, str]) -> list[ReportRow]:
    """The rows, those of some paths with one more remark.

    >>> with_remarks([ReportRow("a.mid", "read", "", 3)], {"a.mid": "goes with b.mid"})[0].reason
    'goes with b.mid'
    """
    return [row._replace(reason=remarks(row.reason, by_path.get(row.path, ""))) for row in rows]


def write_report(path: Path, rows: Iterable[ReportRow]) -> None:
    """Write the report as CSV, whole or not at all."""
    with replace_file(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(ReportRow._fields)
        writer.writerows(rows)
