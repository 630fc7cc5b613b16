"""``melody doctor``: whether melody works here, and what a report of a fault needs to say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cyclopts import App

from melody.cli import report
from melody.cli.options import Printing
from melody.errors import MelodyError

if TYPE_CHECKING:
    from melody.doctor import Report
    from melody.doctor.packages import Package

EXAMPLES = """\
Examples:
  melody doctor
  melody doctor --json

Paste what it prints into a bug report. Nothing is changed, nothing is sent, your home folder is shown as ~.\
"""
WIDE = 13  # columns of the first words

app = App(name="doctor", help_epilogue=EXAMPLES)


@app.default
def doctor(*, printing: Printing = Printing()) -> int:
    """Say what is installed, what is missing and how to get it, and try the shipped model for a second.

    The exit status is 0 if the shipped model wrote a piece, else 1.
    """
    from melody.doctor import examine

    with report.waiting(printing, "looking around"):
        found = examine()
    report.result(printing, found.plain(), lines(found))
    return 0 if found.works else MelodyError.status


def lines(found: Report) -> list[str]:
    """The report for people: one fact a line, what is wrong marked with "!"."""
    system, model, self_test = found.system, found.model, found.self_test
    out = [
        _line("melody", f"{system.melody}, {system.folder}"),
        _line("Python", f"{system.python}, {system.executable}"),
        _line("system", f"{system.platform}, {system.encoding or 'no'} output"),
        _line("processor", f"{system.processor}: {', '.join(system.features) or 'no features known'}"),
        _line("cores", f"{system.cores} of {system.all_cores}"),
        _line("memory", f"{_gigabytes(system.memory)}, {_gigabytes(system.free_memory)} of it free"),
        *(_line("variable", f"{name}={value}") for name, value in system.variables.items()),
        _line("packages", ", ".join(f"{p.name} {p.version or 'MISSING'}" for p in found.packages)),
        *_faults(found.packages),
    ]
    for extra, packages in found.extras:
        if any(p.version is None for p in packages):
            out += [_line(extra.name, f"not installed: {extra.gives}"), _line("", extra.command)]
        else:
            out += [_line(extra.name, ", ".join(f"{p.name} {p.version}" for p in packages)), *_faults(packages)]
    if model.fault:
        out.append(_line("model", f"! {model.fault}"))
    else:
        facts = f"{model.name}, {model.parameters / 1e6:.1f} M parameters, sha256 {model.sha256[:16]}, {model.folder}"
        out += [_line("model", facts), *(_line("", f"! {remark}") for remark in model.remarks)]
    if self_test.fault:
        out.append(_line("self-test", f"! {self_test.fault}"))
    else:
        out += [_line("", f"! {self_test.remark}")] if self_test.remark else []
        took = f"{self_test.notes} notes in {self_test.seconds:.2f} s by {self_test.engine}, loaded in {self_test.load_seconds:.2f} s"
        out.append(_line("self-test", f"passed: {took}, digest {self_test.digest}"))
    return out


def _line(label: str, text: str) -> str:
    return f"{label:<{WIDE}}{text}"


def _faults(packages: tuple[Package, ...]) -> list[str]:
    return [_line("", f"! {p.name}: {p.fault}") for p in packages if p.fault]


def _gigabytes(size: int | None) -> str:
    return "?" if size is None else f"{size / 1e9:.1f} GB"
