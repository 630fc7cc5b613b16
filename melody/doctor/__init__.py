"""Whether melody works here, and on what: the facts that a report of a fault needs, on a machine with torch or without.

    system      Python, operating system, processor, memory
    packages    what is installed, what each missing extra would give, whether what is there can be loaded
    model       the shipped model's files, and a piece of two bars that is written, read back and looked at

Nothing is changed and nothing is sent; the home folder is shown as ``~``.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from melody.doctor.model import Model, SelfTest, check_model, run_self_test
from melody.doctor.packages import Package, list_extras, list_packages
from melody.doctor.system import System, read_system
from melody.extras import Extra

__all__ = ["Report", "examine"]


@dataclass(frozen=True)
class Report:
    """What an examination found."""

    system: System
    packages: tuple[Package, ...]  # that melody always needs
    extras: tuple[tuple[Extra, tuple[Package, ...]], ...]
    model: Model
    self_test: SelfTest

    @property
    def works(self) -> bool:
        """Whether the shipped model wrote a piece that can be read back."""
        return not self.model.fault and not self.self_test.fault

    def plain(self) -> dict[str, Any]:
        """The report as plain values, for JSON."""
        extras = {
            extra.name: {
                "gives": extra.gives,
                "install": extra.command,
                "missing": [p.module for p in found if p.version is None],
                "packages": [asdict(p) for p in found],
            }
            for extra, found in self.extras
        }
        return {
            "works": self.works,
            "system": asdict(self.system),
            "packages": [asdict(p) for p in self.packages],
            "extras": extras,
            "model": asdict(self.model),
            "self_test": asdict(self.self_test),
        }


def examine() -> Report:
    """Look at everything. Takes a second, and a second or two more where torch is installed. Raises nothing."""
    model = check_model()
    return Report(read_system(), list_packages(), list_extras(), model, run_self_test())
