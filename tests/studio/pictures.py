"""The pictures of the studio in docs/: ``python -m tests.studio.pictures docs``."""

import sys
import tempfile
from pathlib import Path

from .browser import Browser, served
from .test_walk import QUIET, generate

WIDE, PHONE = (1200, 720), (390, 780)


def draw(page: Browser, folder: Path, name: str) -> None:
    """One picture, without the line that blinks."""
    page.run("document.activeElement?.blur()")
    (folder / f"{name}.png").write_bytes(page.picture())


def main(folder: Path) -> None:
    """All pictures, from the same seeds."""
    with served() as address, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        page = Browser(Path(profile))
        page.size(*WIDE)
        page.open(address)
        page.fill("#set-style", "pop909")
        generate(page, 16, 5)
        left, top, _, _ = page.place("#ruler")
        page.drag((left + 250, top + 20), (left + 280, top + 20), (left + 420, top + 20))
        page.fill("#candidates", 3)
        page.click("[data-verb=infill]")
        page.wait("!document.querySelector('#flip').hidden")
        page.wait(QUIET)
        draw(page, folder, "studio-light")
        page.size(*WIDE, dark=True)
        page.click("#keep")
        page.key("Escape")
        page.fill("#set-bars", 48)
        page.click("[data-verb=generate]")
        page.wait(f"!({QUIET}) && document.querySelector('#where').value > '1.3'")
        draw(page, folder, "studio-dark")
        page.wait(QUIET)
        page.size(*PHONE)
        page.click("#home")
        page.key("f")
        draw(page, folder, "studio-phone")
        assert not page.faults, page.faults
        page.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
