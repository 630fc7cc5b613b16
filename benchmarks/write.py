"""How fast is MIDI written, beside reading the same bytes?

    python benchmarks/write.py [--data ../shared/data] [--songs 100] [--rounds 3]

Songs of POP909, read into Scores. `midi.to_bytes` and `midi.parse` take turns, song by song; a song's time is the median over the rounds,
and the table gives sums over the songs, divided by their notes. Processor time of one thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import encode
from bench import DATA, Table, Target, finish, parsed

from melody import midi

MAX_MICROSECONDS = 2.0  # a note, to reach


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure."""
    options = parsed(__file__, __doc__, arguments, (), {"songs": 3, "rounds": 1}, data=str(DATA), songs=100, rounds=3)
    _, found = encode.songs_at(Path(options.data))
    scores = [midi.parse(s.read_bytes()) for s in found[:: max(1, len(found) // options.songs)][: options.songs]]
    songs = [midi.to_bytes(score) for score in scores]
    methods = {"write": lambda _, score: midi.to_bytes(score), "read": lambda data, _: midi.parse(data)}
    notes = sum(score.note_count for score in scores)
    seconds = {name: value * len(songs) for name, value in encode.measure(songs, scores, methods, options.rounds).items()}
    columns = {"what": "", "times reading": ".1f", "microseconds a note": ".2f", "notes a second": ",.0f"}
    rows = [[name, value / seconds["read"], 1e6 * value / notes, notes / value] for name, value in seconds.items()]
    target = Target("microseconds a note, written", rows[0][2], MAX_MICROSECONDS, ".2f", most=True)
    table = Table(columns, rows, f"{len(songs)} songs, {notes:,} notes")
    answer = f"{rows[0][2]:.2f} microseconds a note, {rows[0][1]:.1f} times as long as reading"
    finish(options, answer, [table], [target], ["symusic", "mido"])


if __name__ == "__main__":
    main()
