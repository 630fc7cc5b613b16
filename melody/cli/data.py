"""``melody data``: known collections of music, and their files from the net."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from melody.cli import report
from melody.cli.options import Flag, Printing
from melody.files import shown

if TYPE_CHECKING:
    from melody.data import Collection

EXAMPLES = """\
Examples:
  melody data list
  melody data fetch groove
  melody data fetch maestro-v3 -o ~/music\
"""
FETCHING = """\
Examples:
  melody data fetch groove
  melody data fetch maestro-v3 -o ~/music

If a download is interrupted, the same command resumes it. Nothing is unpacked: melody prepare reads the archive as it is.\
"""

app = App(name="data", help="List known collections of music, and download them.", help_epilogue=EXAMPLES)


@app.command(name="list")
def list_(*, printing: Printing = Printing()) -> None:
    """List known collections: size, licence, and whether a model that was trained on one may be passed on."""
    from melody.data import collections

    known = collections()
    if printing.json:
        report.result(printing, {"collections": [asdict(one) for one in known.values()]}, [])
    elif not printing.quiet:
        _print(list(known.values()))


@app.command(help_epilogue=FETCHING)
def fetch(
    name: str,
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])] = Path(),
    force: Annotated[Flag, Parameter(group="Output")] = False,
    printing: Printing = Printing(),
) -> None:
    """Download a collection, and check it.

    Parameters
    ----------
    name
        A name that melody data list shows.
    output
        Folder to put the archive into.
    force
        Replace a file that exists.
    """
    from melody.data import fetch as work
    from melody.data import find

    one = find(name)
    with report.bar(printing, f"fetching {one.name} (bytes)") as progress:
        got = work(one, output, force, progress=progress)
    facts = {
        "files": [str(got.path)],
        "bytes": got.bytes,
        "sha256": got.sha256,
        "checked": got.known,
        "fetched": not got.there,
        "licence": one.licence,
        "share": one.share,
    }
    corpus = f"melody prepare {shown(got.path)} -o corpus"
    lines = [
        f"{shown(got.path)}: {got.bytes:,} bytes{', there already' if got.there else ''}",
        f"sha256 {got.sha256}, {'as in the table' if got.known else 'not checked: the table knows none; keep it to compare'}",
        f"licence: {one.licence}; may a model that was trained on it be passed on: {one.share} ({one.reason})",
        f"next: {corpus}",
    ]
    report.result(printing, facts, lines)


def _print(known: list[Collection]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False, markup=False, emoji=False)
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("name", no_wrap=True)
    table.add_column("files", justify="right", no_wrap=True)
    table.add_column("size", justify="right", no_wrap=True)
    table.add_column("licence", overflow="fold")
    table.add_column("share", no_wrap=True)
    table.add_column("what", overflow="fold")
    for one in sorted(known, key=lambda c: not c.url):
        size = f"{one.bytes / 1e6:,.1f} MB" if one.bytes else f"< {one.most / 1e6:,.0f} MB" if one.most else "-"
        table.add_row(one.name, f"{one.files:,}" if one.files else "-", size if one.url else "-", _short(one.licence), one.share, one.title)
    console.print(table)
    console.print(Text("size: melody data fetch NAME downloads it; -: no single file over https, the makers' address is in --json"))
    console.print(Text("share: may a model that was trained on it be passed on, as we read the licence; --json has the reasons"))


def _short(licence: str) -> str:
    return re.split(r" \(|[,;]", licence)[0]
