"""How fast is MIDI read and encoded? Ours beside pretty_midi, mido and MidiTok, on the same bytes in one run.

    python benchmarks/encode.py [--data ../shared/data] [--songs 100] [--rounds 3] [--no-prepare]

Songs of POP909 (pop909.zip in the data folder, or any folder of MIDI) are held in memory. In every round the readers take turns, 25
songs at a time, so that a slow spell of the machine falls on all of them alike; a song's time is the median over the rounds, and
the table gives the mean over the songs. Times are processor time of one thread. MidiTok is `symusic.Score.from_midi` and a REMI
tokeniser: with programs (one stream a song, as our events are), and with its default settings (one stream a track). `melody
prepare` is a whole command on the unpacked files.
"""

from __future__ import annotations

import gc
import io
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from bench import DATA, Table, Target, finish, parsed

from melody import midi, sources
from melody.codec import CodecConfig, encode, quantise
from melody.score import Score

MAX_MS, MIN_RATIO, MAX_PREPARE = 1.5, 20, 20.0  # to reach
READ, ENCODE, BOTH = "parse", "quantise and encode", "read and encode"
PROGRAMS, PLAIN = "MidiTok REMI with programs, read and tokenise", "MidiTok REMI, default settings, read and tokenise"
BLOCK = 25  # songs


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure."""
    options = parsed(__file__, __doc__, arguments, (), {"songs": 3, "rounds": 1}, data=str(DATA), songs=100, rounds=3, no_prepare=False)
    place, found = songs_at(Path(options.data))
    songs = [s.read_bytes() for s in found[:: max(1, len(found) // options.songs)][: options.songs]]
    scores = [midi.parse(data) for data in songs]
    seconds = measure(songs, scores, readers(), options.rounds)
    ours, notes = seconds[BOTH], sum(s.note_count for s in scores)
    columns = {"what": "", f"times as long as our {BOTH}": ".2f", "ms a song": ".2f", "notes a second": ",.0f"}
    rows = [[name, value / ours, value * 1000, notes / len(songs) / value] for name, value in seconds.items()]
    table = Table(columns, rows, f"{len(songs)} songs, {notes:,} notes, median of {options.rounds} rounds, one thread")
    targets = [Target(f"{BOTH}, ms a song", ours * 1000, MAX_MS, ".2f", most=True)]
    targets += [Target(f"times the rate of {PROGRAMS}", seconds[PROGRAMS] / ours, MIN_RATIO, ".1f")]
    if not options.no_prepare:
        targets.append(Target(f"melody prepare, {len(found):,} files, seconds", prepared(place), MAX_PREPARE, ".1f", most=True))
    answer = f"{seconds[PROGRAMS] / ours:.1f} times the rate of MidiTok REMI, {ours * 1000:.2f} ms a song"
    finish(options, answer, [table], targets, ["symusic", "pretty_midi", "mido", "miditok"])


def songs_at(data: Path) -> tuple[Path, list[sources.Source]]:
    """pop909.zip in a folder, or the folder itself, and the files in it."""
    place = data / "pop909.zip" if (data / "pop909.zip").is_file() else data
    found = list(sources.find([place]))
    if not found:
        sys.exit(f"{place}: no MIDI files; give --data the folder that holds pop909.zip, or a folder of MIDI")
    return place, found


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


def prepared(place: Path) -> float:
    """Seconds of ``melody prepare`` on the unpacked files, with all cores."""
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work, "midi")
        for source in sources.find([place]):
            target = folder / source.style / Path(source.path).name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-m", "melody", "prepare", folder, "-o", Path(work, "corpus"), "--quiet"], check=True)
        return time.perf_counter() - begin


if __name__ == "__main__":
    main()
