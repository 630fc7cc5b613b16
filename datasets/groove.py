"""groove.py CORPUS POP909-ORIGINAL.zip: learn melody/groove/profile.json, how people play, from drummers and pianists.

Drums: the training split of the collection groove in CORPUS. Melody and chords: tracks of pop909-original that were played, by the beats
that its authors labelled. The table holds means, deviations and correlations, no notes.
"""

from __future__ import annotations

import argparse
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from melody import midi
from melody.corpus import Corpus
from melody.groove import profile
from melody.groove.learn import learned
from melody.groove.places import misfit
from melody.score import Score, Track, note_table, tempo_table

SOURCE = (
    "Groove MIDI Dataset 1.0.0 by Jon Gillick, Adam Roberts, Jesse Engel, Douglas Eck and David Bamman (Google Magenta), CC BY 4.0, "
    "https://creativecommons.org/licenses/by/4.0/; "
    "POP909 by Ziyu Wang and others, MIT. Changed: counted into means, deviations and correlations."
)
TICKS = 480
PLAYED = (0.1, 0.35)  # misfit to sixteenths: under it a track is on the grid, over it its beat was not found
SONGS = 300


def main() -> None:
    """Learn, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("pop", type=Path)
    given = parser.parse_args()
    drums = list(drummers(Corpus(given.corpus)))
    others = list(pianists(given.pop))
    table = learned([*drums, *others])
    text = json.dumps(table.plain(SOURCE), ensure_ascii=False, separators=(",", ":"))
    profile.SHIPPED.write_text(re.sub(r',"', ',\n"', text) + "\n", "utf-8")
    profile.read_profile(profile.SHIPPED.read_bytes(), profile.SHIPPED.name)
    size = profile.SHIPPED.stat().st_size
    print(
        f"{profile.SHIPPED.name}: {len(drums)} performances of drums, {len(others)} tracks of songs, {table.notes:,} notes, {size:,} bytes"
    )


def drummers(corpus: Corpus, split: str = "train") -> Iterator[Score]:
    """The drum performances of a split."""
    for i in corpus.split(split):
        if corpus.pieces[i].collection.startswith("groove"):
            yield corpus.score(i)


def pianists(archive: Path) -> Iterator[Score]:
    """Tracks of songs that were played and not put on a grid, on the beats as labelled: each a Score of its own."""
    with zipfile.ZipFile(archive) as files:
        names = sorted(n for n in files.namelist() if n.endswith(".mid"))[:SONGS]
        for name in names:
            rows = files.read(f"pop909-original/labels/{Path(name).stem}/beat_midi.txt").decode().split("\n")
            beats = np.array([float(row.split()[0]) for row in rows if row.strip()])
            bars = [i for i, row in enumerate(rows) if row.strip() and float(row.split()[2])]
            score = midi.parse(files.read(name), name)
            for track in score.tracks:
                on = np.interp(score.seconds(track.notes["onset"]), beats, np.arange(len(beats)))
                inside = (on > bars[0]) & (on < len(beats) - 1)
                if inside.sum() < 64 or not PLAYED[0] < misfit(on[inside], 4) < PLAYED[1]:
                    continue
                notes = track.notes[inside]
                ticks = np.rint((on[inside] - bars[0]) * TICKS).astype(np.int64)
                yield Score(
                    (
                        Track(
                            track.name, track.program, False, note_table(ticks, np.full(len(ticks), 60), notes["pitch"], notes["velocity"])
                        ),
                    ),
                    TICKS,
                    tempo_table([0], [round(1e6 * float(np.median(np.diff(beats))))]),
                )


if __name__ == "__main__":
    main()
