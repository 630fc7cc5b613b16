"""XML from strangers: no entities, no documents from elsewhere, bounded in size and depth.

expat is asked to refuse every declaration of an entity, and never looks for the DTD that MusicXML files name. See Python's own
warnings (docs.python.org, XML vulnerabilities): what is dangerous there needs an entity.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import NoReturn
from xml.etree.ElementTree import Element, TreeBuilder  # the tree only; the parser is the one below
from xml.parsers import expat  # with every entity refused

from melody.errors import MelodyError

MAX_DEPTH = 64
MAX_ELEMENTS = 1_500_000
MAX_ENTRIES = 1_000  # of a .mxl file
CONTAINER = "META-INF/container.xml"


def parse(data: bytes) -> Element:
    """The tree of a document. Errors: ``MelodyError`` with the reason only."""
    builder = TreeBuilder()  # builds what the parser below lets through
    parser = expat.ParserCreate()
    parser.buffer_text = True
    depth = count = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth, count
        depth += 1
        count += 1
        if depth > MAX_DEPTH or count > MAX_ELEMENTS:
            raise MelodyError(f"more than {MAX_DEPTH} elements inside each other, or {MAX_ELEMENTS:,} in all")
        builder.start(name.rpartition(":")[2], attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(name.rpartition(":")[2])

    def refuse(*_: object) -> NoReturn:
        raise MelodyError("it declares entities, which no music needs")

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, builder.data
    parser.EntityDeclHandler = parser.UnparsedEntityDeclHandler = parser.ExternalEntityRefHandler = refuse
    try:
        parser.Parse(data, True)
        return builder.close()
    except MelodyError:
        raise
    except (expat.ExpatError, ValueError, AssertionError, LookupError) as fault:
        raise MelodyError(f"damaged XML ({fault})") from None


def unpacked(data: bytes, limit: int) -> bytes:
    """The score inside a .mxl file, of at most ``limit`` bytes. Errors: ``MelodyError`` with the reason only."""
    end = data.rfind(b"PK\5\6")
    if end >= 0 and int.from_bytes(data[end + 10 : end + 12], "little") > MAX_ENTRIES:
        raise MelodyError(f"more than {MAX_ENTRIES:,} entries")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            return _entry(archive, _score_name(archive, names, limit), limit)
    except MelodyError:
        raise
    # zipfile raises NotImplementedError for a compression that it does not know, RuntimeError for an encrypted entry.
    except (zipfile.BadZipFile, zlib.error, KeyError, OSError, EOFError, ValueError, NotImplementedError, RuntimeError) as fault:
        raise MelodyError(f"damaged .mxl file ({fault})") from None


def _score_name(archive: zipfile.ZipFile, names: list[str], limit: int) -> str:
    if CONTAINER in names:
        root = parse(_entry(archive, CONTAINER, min(limit, 1 << 20)))
        paths = [path for element in root.iter("rootfile") if (path := element.get("full-path")) in names]
        if paths:
            return str(paths[0])
    found = [n for n in names if n.lower().endswith((".xml", ".musicxml")) and not n.startswith("META-INF/")]
    if not found:
        raise MelodyError("no score in it: not a .mxl file")
    return found[0]


def _entry(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    with archive.open(name) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise MelodyError(f"unpacks to more than the limit of {limit:,} bytes")
    return data
