"""A Score as a page of notation, by verovio (the extra notation)."""

from __future__ import annotations

import os
import re

from melody import notation
from melody.errors import MelodyError
from melody.extras import require
from melody.files import write_bytes
from melody.score import Score

OPTIONS = {
    "pageWidth": 2100, "pageHeight": 60_000, "adjustPageHeight": True, "scale": 40, "footer": "none", "breaks": "auto",
    "xmlIdSeed": 1,  # equal pieces give equal pages
}  # fmt: skip  # a table
SIZE = re.compile(r'<svg[^>]*? width="(\d+)px" height="(\d+)px"')


def sheet(score: Score, path: str | os.PathLike[str], title: str = "") -> None:
    """Write a piece as notation in one SVG file, replacing what is there; one page as tall as it needs to be.

    Errors: ``MelodyError`` without verovio, for a piece without notes, or one that verovio cannot engrave.

    >>> sheet(piece, "piece.svg")  # doctest: +SKIP
    """
    require("notation", "a sheet")
    import verovio  # type: ignore[import-untyped, import-not-found, unused-ignore]  # optional, and has no types

    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()
    toolkit.setOptions(OPTIONS)
    if not toolkit.loadData(notation.to_musicxml(score, title).decode()):
        raise MelodyError(f"{os.fspath(path)}: verovio cannot engrave this piece")
    write_bytes(path, stacked([toolkit.renderToSVG(page + 1) for page in range(toolkit.getPageCount())]).encode())


def stacked(pages: list[str]) -> str:
    """Pages of SVG as one drawing, the first on top."""
    if len(pages) == 1:
        return pages[0]
    parts, top, wide = [], 0, 0
    for page in pages:
        found = SIZE.search(page)
        width, height = (int(found[1]), int(found[2])) if found else (840, 1188)
        parts.append(page[page.index("<svg") :].replace("<svg", f'<svg y="{top}"', 1))
        top, wide = top + height, max(wide, width)
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}px" height="{top}px">{"".join(parts)}</svg>\n'
