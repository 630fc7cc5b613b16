"""Does the accompaniment follow the melody? The model between another song and the human.

    python benchmarks/accompany.py CORPUS [--style pop909] [--model base] [--bars 32] [--songs 60] [--json]

For every song of the test split whose lead track is named: the melody over ``bars`` bars from its first note on is given
to the model, and three accompaniments are measured against it, half bar by half bar:

    human       what stands in the song
    model       ``composer.accompany`` of the melody alone
    wrong song  the accompaniment of another test song of the same mode, transposed to the same key

Metrics
    (a) hit      share of melody time whose pitch class sounds in the accompaniment in the same half bar, 0..1
    (b) cosine   mean cosine between the two chroma vectors of each half bar, weighted by melody time, 0..1
    position     (model - wrong song) / (human - wrong song), in percent: 0 % is the wrong song, 100 % the human

Chroma vectors hold sounding time by pitch class. Means are over songs.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from melody import compose, edit, theory
from melody.corpus import Corpus
from melody.score import Score, Table


@dataclass(frozen=True, eq=False)
class Song:
    """A test song cut to some bars: its melody alone, the tracks beside it, its key and its half bars."""

    source: str
    melody: Score
    human: Score
    key: int
    edges: NDArray[np.int64]


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("--style", default="pop909")
    parser.add_argument("--model", default=None)
    parser.add_argument("--bars", type=int, default=32)
    parser.add_argument("--songs", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--temperature", type=float, default=None)
    parser.add_argument("--top-p", type=float, default=None)
    parser.add_argument("--guidance", type=float, default=None)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    songs = load_songs(Corpus(options.corpus), options.style, options.bars, options.songs)
    wishes = {
        k: v for k, v in (("temperature", options.temperature), ("top_p", options.top_p), ("guidance", options.guidance)) if v is not None
    }
    sampling = compose.Sampling(**wishes)
    composer = compose.load(options.model)
    requests = [compose.Accompany(tune=s.melody, seed=options.seed + i, sampling=sampling) for i, s in enumerate(songs)]
    written = composer.many(requests)
    rows = {
        "human": [measure(s, s.human) for s in songs],
        "model": [measure(s, edit.select_tracks(w, range(1, len(w.tracks)))) for s, w in zip(songs, written, strict=True)],
        "wrong song": [measure(s, wrong_song(songs, i)) for i, s in enumerate(songs)],
    }
    means = {name: np.mean(values, 0) for name, values in rows.items()}
    position = (means["model"] - means["wrong song"]) / (means["human"] - means["wrong song"])
    facts = {"style": options.style, "songs": len(songs), "bars": options.bars, "seed": options.seed}
    facts |= {name: {"hit": float(v[0]), "cosine": float(v[1])} for name, v in means.items()}
    facts["position"] = {"hit": float(position[0]), "cosine": float(position[1])}
    if options.json:
        print(json.dumps(facts))
        return
    print(f"{len(songs)} songs of {options.style}, {options.bars} bars each\n\n| accompaniment | (a) hit | (b) cosine |\n|---|---|---|")
    for name, (hit, cosine) in means.items():
        print(f"| {name} | {hit:.3f} | {cosine:.3f} |")
    print(f"| position of the model | {position[0]:.0%} | {position[1]:.0%} |")


def load_songs(corpus: Corpus, style: str, bars: int, most: int) -> list[Song]:
    """Songs of the test split with a lead found by name, cut from the bar of the first melody note."""
    songs = []
    for index in corpus.split("test"):
        facts = corpus.pieces[index]
        if facts.style != style or facts.lead is None or facts.lead_rule != "name" or len(facts.tracks) < 2:
            continue
        score = corpus.score(index)
        lines = theory.bar_ticks(score)
        first = int(np.searchsorted(lines, score.tracks[facts.lead].notes["onset"][0], side="right")) - 1
        if first + bars >= len(lines):
            continue
        piece = edit.cut(score, int(lines[first]), int(lines[first + bars]))
        melody = edit.select_tracks(piece, [facts.lead])
        human = edit.select_tracks(piece, [i for i in range(len(piece.tracks)) if i != facts.lead])
        ends = lines[first : first + bars + 1] - lines[first]
        edges = np.sort(np.concatenate([ends, (ends[1:] + ends[:-1]) // 2]))
        if melody.note_count >= 16 and human.note_count >= 16:
            songs.append(Song(facts.source, melody, human, facts.key, edges))
    return songs[:most]


def measure(song: Song, accompaniment: Score) -> tuple[float, float]:
    """(a) and (b) of an accompaniment to a song's melody."""
    own = theory.chroma(_notes(song.melody), song.edges).astype(float)
    other = theory.chroma(_notes(accompaniment), song.edges).astype(float)
    weight = own.sum(1)
    norm = np.linalg.norm(own, axis=1) * np.linalg.norm(other, axis=1)
    cosine = np.divide((own * other).sum(1), norm, out=np.zeros(len(own)), where=norm > 0)
    return float((own * (other > 0)).sum() / own.sum()), float((cosine * weight).sum() / weight.sum())


def wrong_song(songs: list[Song], index: int) -> Score:
    """The accompaniment of the next song of the same mode, in the key of this one, on the same ticks."""
    song = songs[index]
    others = [s for s in songs[index + 1 :] + songs[:index] if s.key // 12 == song.key // 12] or [songs[index - 1]]
    shift = (song.key - others[0].key + 6) % 12 - 6
    return edit.scale_ticks(edit.transpose(others[0].human, shift), song.melody.ticks_per_quarter)


def _notes(score: Score) -> Table:
    return np.concatenate([t.notes for t in score.tracks if not t.is_drum] or [score.tracks[0].notes[:0]])


if __name__ == "__main__":
    main()
