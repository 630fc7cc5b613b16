"""Bytes that follow the code: atheris changes what it has until a new line of our readers, or of mido, is reached.

    pip install atheris
    python benchmarks/fuzz_coverage.py [--minutes 1] [--seed 1] [--data FOLDER] [--json]

It begins with the files of fuzz_midi.py as MIDI, in a zip and in a tar archive (the first byte says which), read by melody.midi.
symusic is not seen, as it is no Python. A finding is an error that is no MelodyError or has more than one line, more than 10 s or more than
1.5 GiB; a MIDI file is then kept as hex in tests/midi/found/, as fuzz.py does. Where atheris is not installed, nothing is measured.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIMITS = ("-timeout=10", "-rss_limit_mb=1536", "-max_len=6000", "-verbosity=1", "-print_final_stats=1")
SUFFIXES = (".mid", ".zip", ".tar")


def child(arguments: list[str]) -> None:
    """What atheris calls, again and again; never returns."""
    import atheris  # type: ignore[import-not-found]  # optional

    with atheris.instrument_imports(include=["melody.midi", "melody.sources", "mido"]):
        import mido  # type: ignore[import-untyped]  # has no stubs

        from melody import MelodyError, midi, sources
    assert mido

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

        atheris.Setup([sys.argv[0], *arguments], one)
        atheris.Fuzz()


def seeds(folder: Path, data: Path) -> None:
    """What to begin with."""
    import fuzz_midi  # not at the top: the child's atheris only follows what it sees imported

    for number, content in enumerate(fuzz_midi.bases(data, 10)):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as archive:
            entry = tarfile.TarInfo("x.mid")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        for kind, packed in enumerate((content, fuzz_midi.zipped(content), out.getvalue())):
            if kind == 0 or number < 10:
                (folder / f"{number}-{kind}").write_bytes(bytes([kind]) + packed)


def run(minutes: float, seed: int, data: Path) -> dict[str, object]:
    """Fuzz for some minutes, in a process of its own, up to the first finding."""
    from fuzz import write_hex  # as above

    found: list[str] = []
    with tempfile.TemporaryDirectory() as scratch:
        corpus, artefacts = Path(scratch, "corpus"), Path(scratch, "artefacts")
        corpus.mkdir()
        artefacts.mkdir()
        seeds(corpus, data)
        begun = len(list(corpus.iterdir()))
        flags = [*LIMITS, f"-seed={seed}", f"-max_total_time={round(minutes * 60)}", f"-artifact_prefix={artefacts}/", str(corpus)]
        process = subprocess.run(
            [sys.executable, __file__, "--child", *flags], capture_output=True, text=True, errors="replace", check=False
        )
        for path in artefacts.iterdir():
            content = path.read_bytes()
            reason = re.findall(r"^(?:\w+Error.*|SUMMARY.*)$", process.stderr, re.MULTILINE)[:1]
            found.append(f"{path.name} ({SUFFIXES[content[0] % 3] if content else 'empty'}): {' '.join(reason)}")
            if content and content[0] % 3 == 0:
                write_hex(f"coverage_{path.name[:24]}", found[-1], content[1:])
        count = re.search(r"stat::number_of_executed_units:\s+(\d+)", process.stderr)
        reached = re.findall(r" ft: (\d+)", process.stderr)
        kept = len(list(corpus.iterdir())) - begun
    row: dict[str, object] = {"read": int(count[1]) if count else 0, "features": int(reached[-1]) if reached else 0, "kept": kept}
    return row | {"findings": found or ([] if count else [f"atheris did not run: {process.stderr[-200:]}"])}


def main() -> int:
    """Run, and print a table."""
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if importlib.util.find_spec("atheris") is None:
        print(json.dumps(None) if options.json else "not measured: atheris is not installed (pip install atheris)")
        return 0
    row = run(options.minutes, options.seed, options.data)
    findings = row["findings"]
    assert isinstance(findings, list)
    if options.json:
        print(json.dumps(row))
    else:
        from machine import machine

        print(machine("symusic", "mido", "atheris"))
        print("| inputs | features reached | inputs kept for a new one | findings |\n|---|---|---|---|")
        print(f"| {row['read']:,} | {row['features']:,} | {row['kept']:,} | {len(findings)} |")
        print("\n".join(findings))
    return 1 if findings else 0


if __name__ == "__main__":
    raise SystemExit(main())
