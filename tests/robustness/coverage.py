"""Bytes that follow the code: atheris changes what it has until a new line of our readers, or of mido, is reached.

It begins with the files of random_midi.py as MIDI, in a zip and in a tar archive (the first byte says which), read by melody.midi.
symusic is
not followed, as it is no Python. A finding is an error that is no MelodyError or has more than one line, more than 10 s or more than 1.5
GiB;
a MIDI file is then kept as hex in tests/midi/found/. Where atheris is not installed (pip install atheris), nothing is measured.
"""

from __future__ import annotations

import importlib.util
import io
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.robustness.child import Row

LIMITS = ("-timeout=10", "-rss_limit_mb=1536", "-max_len=6000", "-verbosity=1", "-print_final_stats=1")
SUFFIXES = (".mid", ".zip", ".tar")
NAME = "bytes that follow the code"


def rows(minutes: float = 10.0, seed: int = 1) -> Iterator[Row]:
    """Fuzz for some minutes, in a process of its own, up to the first finding."""
    if importlib.util.find_spec("atheris") is None:
        yield Row(NAME, "not measured: no atheris", True)
        return
    with tempfile.TemporaryDirectory() as scratch:
        corpus, artefacts = Path(scratch, "corpus"), Path(scratch, "artefacts")
        artefacts.mkdir()
        seeds(corpus)
        flags = [*LIMITS, f"-seed={seed}", f"-max_total_time={round(minutes * 60)}", f"-artifact_prefix={artefacts}/", str(corpus)]
        command = [sys.executable, "-m", "tests.robustness.coverage", *flags]
        said = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False).stderr
        found = [kept(path.name, path.read_bytes(), said) for path in artefacts.iterdir()]
    count, reached = re.search(r"stat::number_of_executed_units:\s+(\d+)", said), re.findall(r" ft: (\d+)", said)
    found = found or ([] if count else [f"atheris did not run: {said[-200:]}"])
    figure = f"{int(count[1]) if count else 0:,} read, {int(reached[-1]) if reached else 0:,} features reached, {len(found)} findings"
    yield Row(NAME, "; ".join([figure, *found[:3]]), not found)


def seeds(folder: Path) -> None:
    """What to begin with."""
    from tests.robustness.fuzz import DATA  # not at the top: atheris only follows what it sees imported
    from tests.robustness.random_midi import bases, zipped

    folder.mkdir()
    for number, content in enumerate(bases(DATA, 10)):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as archive:
            entry = tarfile.TarInfo("x.mid")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        for kind, packed in enumerate((content, zipped(content), out.getvalue())):
            if kind == 0 or number < 10:
                (folder / f"{number}-{kind}").write_bytes(bytes([kind]) + packed)


def kept(name: str, content: bytes, said: str) -> str:
    """A finding in a line; what is MIDI becomes a fixture."""
    from tests.robustness.fuzz import write_hex  # as above

    reason = re.findall(r"^(?:\w+Error.*|SUMMARY.*)$", said, re.MULTILINE)[:1]
    line = f"{name} ({SUFFIXES[content[0] % 3] if content else 'empty'}): {' '.join(reason)}"
    if content and content[0] % 3 == 0:
        write_hex(f"coverage_{name[:24]}", line, content[1:])
    return line


def main() -> None:
    """What atheris calls, again and again; never returns."""
    import atheris  # type: ignore[import-not-found]  # optional

    with atheris.instrument_imports(include=["melody.midi", "melody.sources", "mido"]):
        import mido  # noqa: F401  # imported here, so that atheris follows it

        from melody import MelodyError, midi, sources

    with tempfile.TemporaryDirectory() as scratch:
        paths = [Path(scratch, f"x{suffix}") for suffix in SUFFIXES]

        def one(data: bytes) -> None:
            path = paths[data[0] % 3] if data else paths[0]
            try:
                if path is paths[0]:
                    midi.parse(data[1:])
                    return
                path.write_bytes(data[1:])
                for source in sources.find([path]):
                    midi.parse(source.read_bytes(), source.path)
            except MelodyError as refused:
                if "\n" in str(refused):
                    raise RuntimeError("a reason of many lines") from refused

        atheris.Setup(sys.argv, one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
