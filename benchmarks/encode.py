"""How fast is MIDI read and encoded? Ours beside pretty_midi, mido and MidiTok, on the same bytes in one run.

    python benchmarks/encode.py [--data ../shared/data] [--songs 100] [--rounds 3] [--no-prepare]

Songs of POP909 are held in memory (from ``pop909.zip`` in the data folder, or any folder of MIDI given as --data). In every
round the readers take turns, 25 songs at a time, so that a slow spell of the machine falls on all of them alike; a song's
time is the median over the rounds, and the table gives the mean over the songs. Times are processor time of one thread.

    parse                  ``midi.parse``: bytes to a Score
    quantise and encode    a Score to events
    read and encode        both
    MidiTok                ``symusic.Score.from_midi`` and a REMI tokeniser: with programs (one stream a song, as our events are;
                           the target is measured against this), and with its default settings (one stream a track)

``melody prepare`` is timed as a command on the unpacked folder, from start to exit, with all cores.
"""

from __future__ import annotations

import argparse
import gc
import io
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

from machine import machine

from melody import midi, sources
from melody.codec import CodecConfig, encode, quantise
from melody.score import Score

TARGET_MS, TARGET_RATIO, TARGET_PREPARE = 1.5, 20, 20.0
READ, ENCODE, BOTH = "parse", "quantise and encode", "read and encode"
PROGRAMS, PLAIN = "MidiTok REMI with programs, read and tokenise", "MidiTok REMI, default settings, read and tokenise"
BLOCK = 25  # songs


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--songs", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-prepare", action="store_true")
    options = parser.parse_args(arguments)
    place = options.data / "pop909.zip" if (options.data / "pop909.zip").is_file() else options.data
    found = list(sources.find([place]))
    step = max(1, len(found) // options.songs)
    songs = [s.read_bytes() for s in found[::step][: options.songs]]
    if not songs:
        sys.exit(f"{place}: no MIDI files; give --data the folder that holds pop909.zip, or a folder of MIDI")
    scores = [midi.parse(data) for data in songs]
    seconds = measure(songs, scores, readers(), options.rounds)
    print(f"{machine('symusic', 'pretty_midi', 'mido', 'miditok')}\n")
    print(table(seconds, len(songs), sum(s.note_count for s in scores), options.rounds))
    if not options.no_prepare:
        print(prepare_line(place, len(found)))


def readers() -> dict[str, Callable[[bytes, Score], object]]:
    """What is timed: each takes the bytes of a song and its Score."""
    import miditok  # type: ignore[import-untyped, import-not-found, unused-ignore]  # has no stubs, and may be missing
    import mido  # type: ignore[import-untyped]  # has no stubs
    import pretty_midi  # type: ignore[import-untyped, unused-ignore]  # has no stubs
    import symusic

    warnings.simplefilter("ignore")  # pretty_midi warns of tempi in later tracks
    config = CodecConfig()
    plain, programs = miditok.REMI(), miditok.REMI(miditok.TokenizerConfig(use_programs=True))

    def tokenise(tokeniser: Any, data: bytes) -> object:
        return tokeniser.encode(symusic.Score.from_midi(data))

    return {
        BOTH: lambda data, _: encode(quantise(midi.parse(data), config)),
        READ: lambda data, _: midi.parse(data),
        ENCODE: lambda _, score: encode(quantise(score, config)),
        "symusic read": lambda data, _: symusic.Score.from_midi(data),
        PROGRAMS: lambda data, _: tokenise(programs, data),
        PLAIN: lambda data, _: tokenise(plain, data),
        "mido read": lambda data, _: mido.MidiFile(file=io.BytesIO(data), clip=True),
        "pretty_midi read": lambda data, _: pretty_midi.PrettyMIDI(io.BytesIO(data)),
    }


def measure(songs: list[bytes], scores: list[Score], methods: dict[str, Callable[[bytes, Score], object]], rounds: int) -> dict[str, float]:
    """Seconds a song by method: the mean over songs of the median over rounds."""
    for method in methods.values():
        method(songs[0], scores[0])  # imports and caches
    times: dict[str, list[list[float]]] = {name: [[] for _ in songs] for name in methods}
    blocks = [range(i, min(i + BLOCK, len(songs))) for i in range(0, len(songs), BLOCK)]
    for _, block, name in product(range(rounds), blocks, methods):
        gc.collect()  # what one reader leaves behind is not cleared away in the time of the next
        for i in block:
            begin = time.thread_time()
            methods[name](songs[i], scores[i])
            times[name][i].append(time.thread_time() - begin)
    return {name: statistics.fmean(statistics.median(t) for t in per_song) for name, per_song in times.items()}


def table(seconds: dict[str, float], songs: int, notes: int, rounds: int) -> str:
    """Markdown: ratio first, then milliseconds and notes a second."""
    lines = [
        f"{songs} songs, {notes:,} notes, {rounds} rounds, one thread\n",
        f"| what | times as long as our {BOTH} | ms a song | notes a second |",
        "|---|---|---|---|",
    ]
    for name, value in seconds.items():
        lines.append(f"| {name} | {value / seconds[BOTH]:.2f} | {value * 1000:.2f} | {notes / songs / value:,.0f} |")
    ratio, ms = seconds[PROGRAMS] / seconds[BOTH], seconds[BOTH] * 1000
    met = [verdict(ms <= TARGET_MS, f"{ms:.2f} ms a song (to reach: {TARGET_MS})")]
    met.append(verdict(ratio >= TARGET_RATIO, f"{ratio:.0f} times the rate of {PROGRAMS} (to reach: {TARGET_RATIO})"))
    return "\n".join([*lines, "", *met])


def prepare_line(place: Path, files: int) -> str:
    """Run ``melody prepare`` on the unpacked files."""
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work, "midi")
        for source in sources.find([place]):
            target = folder / source.style / Path(source.path).name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-m", "melody", "prepare", folder, "-o", Path(work, "corpus"), "--quiet"], check=True)
        seconds = time.perf_counter() - begin
    return verdict(seconds <= TARGET_PREPARE, f"melody prepare, {files} files: {seconds:.1f} s (to reach: {TARGET_PREPARE:.0f} s)")


def verdict(met: bool, text: str) -> str:
    """A list item that says whether a target is met."""
    return f"- {'reached' if met else 'MISSED'}: {text}"


if __name__ == "__main__":
    main()
