"""Does the accompaniment follow the melody? The model between another song and the human.

    python benchmarks/accompany.py CORPUS [--style pop909] [--model base] [--bars 32] [--songs 60] [--seed 1]

For every song of the test split whose lead track is named, the melody over some bars from its first note on is given to the model, and
three accompaniments are measured against it (``melody/evaluation/accompaniment.py``): the human's own, the model's with nothing said but
the melody, and that of another test song of the same mode in the same key. *hit*: share of melody time whose pitch class sounds in the
same half bar; *cosine*: of the chroma of half bars; *position*: 0 % is the wrong song, 100 % the human.
"""

from __future__ import annotations

from collections.abc import Sequence

from bench import Table, Target, finish, parsed

from melody import compose, edit
from melody.compose.verbs.accompany import GUIDANCE
from melody.corpus import Corpus
from melody.evaluation.accompaniment import agreement, mean, position, songs_with_lead, wrong_song

MIN_HIT, MIN_COSINE = 1.0, 0.9  # positions to reach


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure."""
    drawing = {"temperature": compose.Sampling.temperature, "top_p": compose.Sampling.top_p, "guidance": GUIDANCE}
    options = parsed(
        __file__, __doc__, arguments, ["corpus"], {"songs": 2, "bars": 6}, model=None, style="pop909", bars=32, songs=60, seed=1, **drawing
    )
    songs = songs_with_lead(Corpus(options.corpus), options.style, options.bars, options.songs)
    if not songs:
        raise SystemExit(f"{options.style}: no song of the test split has a named lead and {options.bars} bars from its first note on")
    composer, sampling = compose.load(options.model), compose.Sampling(**{name: getattr(options, name) for name in drawing})
    requests = [compose.Accompany(tune=s.melody, seed=options.seed + i, sampling=sampling) for i, s in enumerate(songs)]
    written = [edit.select_tracks(w, range(1, len(w.tracks))) for w in composer.many(requests)]
    means = {
        "human": mean([agreement(s.melody, s.human, s.edges) for s in songs]),
        "model": mean([agreement(s.melody, w, s.edges) for s, w in zip(songs, written, strict=True)]),
        "wrong song": mean([agreement(s.melody, wrong_song(songs, i), s.edges) for i, s in enumerate(songs)]),
    }
    place = position(means["model"], means["wrong song"], means["human"])
    figures = {"human": ".3f", "model": ".3f", "wrong song": ".3f", "position of the model": ".0%"}
    rows = [
        [options.style, len(songs), options.seed, name, *(getattr(m, name) for m in (*means.values(), place))] for name in ("hit", "cosine")
    ]
    targets = [
        Target(f"position of {name}, {options.style}", getattr(place, name), goal, ".0%")
        for name, goal in (("hit", MIN_HIT), ("cosine", MIN_COSINE))
    ]
    answer = f"{options.style}: {place.hit:.0%} and {place.cosine:.0%} of the way from a wrong song to the human"
    finish(options, answer, [Table({"style": "", "songs": "", "seed": "", "measure": ""} | figures, rows)], targets, ["onnxruntime"])


if __name__ == "__main__":
    main()
