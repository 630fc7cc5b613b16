"""SECURITY.md tells the numbers of the code, and names tests that are there."""

import re
from pathlib import Path

from melody import bundle, styles
from melody.compose import tune
from melody.data import Rules, fetch
from melody.midi import Limits
from melody.notation import safe_xml
from melody.render import soundfont
from melody.sources import Limits as SourceLimits
from melody.sources import tars, unpacking
from melody.studio import limits as studio
from melody.training import checkpoint

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "SECURITY.md").read_text("utf-8")
MIB, GIB = 1 << 20, 1 << 30


def row(name: str) -> str:
    return next(line for line in PAGE.splitlines() if line.startswith(f"| {name} |"))


def test_limits():
    limits, sources, rules = Limits(), SourceLimits(), Rules()
    assert f"{limits.max_bytes // MIB} MiB, {limits.max_notes:,} notes, {limits.max_tracks:,} tracks" in row("MIDI file")
    assert f"{tune.MAX_NOTES:,} notes and {tune.MAX_QUARTERS:,} quarter" in row("tune")
    assert f"{limits.max_seconds / 3600:g} hours or {limits.max_quarters:,} quarter" in row("MIDI file")
    assert f"{sources.max_entries:,} entries, {sources.max_unpacked // GIB} GiB unpacked, {sources.max_ratio} bytes" in row("archive")
    assert unpacking.FREE_BYTES == MIB and "the first MiB" in row("archive")
    assert f"{tars.MAX_NAME_BYTES // 1024} KiB, {unpacking.MAX_XZ_MEMORY // MIB} MiB of memory" in row("tar archive")
    assert f"{unpacking.MAX_MEMBERS:,} packed members" in row("tar archive")
    assert f"{bundle.MAX_FACTS // MIB} MiB of `bundle.json`, {bundle.MAX_WEIGHTS // GIB} GiB of weights" in row("model")
    assert f"{styles.MAX_BYTES // MIB} MiB" in row("style file")
    sizes = f"{checkpoint.MAX_FACTS_BYTES // MIB} MiB of `resume.json`, {checkpoint.MAX_TENSOR_BYTES // GIB} GiB of tensors"
    assert sizes in row("state of a run")
    assert f"{safe_xml.MAX_DEPTH} elements inside each other, {safe_xml.MAX_ELEMENTS:,} in all" in row("MusicXML, ABC")
    assert f"{safe_xml.MAX_ENTRIES:,} entries, each unpacked to {limits.max_bytes // MIB} MiB" in row("MusicXML, ABC")
    assert f"{soundfont.MAX_BYTES // GIB} GiB, samples of {2 * soundfont.MAX_FRAMES // MIB} MiB unpacked" in row("soundfont")
    most = f"{studio.UPLOAD_BYTES // MIB} MiB and {studio.BODY_SECONDS:g} s, headers in {studio.HEADER_SECONDS:g} s"
    most += f", {studio.CONNECTIONS} connections"
    assert f"{most}, {studio.ROWS} pieces at once and {studio.WAITING} waiting, {studio.WRITING_SECONDS:g} s" in row("studio")
    assert f"{studio.NOTES:,} notes" in row("studio")
    pace = f"{rules.min_bytes:,} bytes in each {rules.timeout:g} s of waiting"
    assert (
        f"{pace}; {rules.redirects} redirects; 1 new attempt after {rules.pause:g} s" in row("download")
        and fetch.__module__ == "melody.data.fetching"
    )


def test_what_it_names_is_there():
    named = set(re.findall(r"`((?:tests|benchmarks)/[\w/.]+)`", PAGE))
    assert len(named) > 10
    assert all((ROOT / path).exists() for path in named - {"tests/midi/found/"})
