"""Samples beside real music: excerpts of the corpus of the same length, how alike they are, how much of both is copied.

Knows Scores; who made the samples is for the caller to say. Excerpts are beginnings: from the bar of the first note on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from melody import edit, theory
from melody.codec import CodecConfig
from melody.corpus import Corpus
from melody.evaluation.copying import copying, runs_of
from melody.evaluation.features import features_of
from melody.evaluation.overlap import compared
from melody.score import Score

MAX_HUMANS = 100  # held-out pieces of a style that are looked at
SECONDS_A_BAR = 2.0  # on the seconds clock
ORDER_SEED = 2

Samples = Mapping[str, Sequence[Score]]
Progress = Callable[[int, int], None]


def excerpt(score: Score, bars: int, by_seconds: bool = False) -> Score:
    """The first ``bars`` bars (``by_seconds``: of two seconds each) from the bar of the first note on; shorter if the piece is."""
    first = min((int(t.notes["onset"][0]) for t in score.tracks if len(t.notes)), default=0)
    if by_seconds:
        begin = score.seconds([first])[0]
        return edit.cut(score, first, max(first + 1, int(score.ticks_at([begin + bars * SECONDS_A_BAR])[0])))
    bar = int(theory.bar_of(score, [first])[0])
    start, stop = theory.bar_start(score, [bar, bar + bars]).tolist()
    return edit.cut(score, start, stop)


def beside(
    corpus: Corpus,
    codec: CodecConfig,
    samples: Samples,
    pieces: Sequence[int],
    bars: int,
    progress: Progress = lambda done, total: None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Statistics and copies of ``samples`` (by style) beside the held-out ``pieces`` and other human ones from the training split.

    Returns two dictionaries by style: ``features`` (see ``overlap.compared``) with the numbers of pieces, and ``copying`` of the
    model's and the human pieces (see ``copying.copying``), "all" first.
    """
    by_seconds = codec.clock == "seconds"
    rng = np.random.default_rng(ORDER_SEED)
    statistics: dict[str, Any] = {}
    sets: dict[str, Sequence[Score]] = {}
    for style, made in samples.items():
        held = [i for i in pieces if corpus.pieces[i].style == style][:MAX_HUMANS]
        rest = [i for i in corpus.split("train") if corpus.pieces[i].style == style and i not in set(pieces)]
        other = rng.permutation(rest)[: max(2, len(made))].tolist()  # as many as samples: the ceiling has the same chance
        human, others = ([excerpt(corpus.score(int(i), by_seconds), bars, by_seconds) for i in of] for of in (held, other))
        looked = [[f for s in group if (f := features_of(s, by_seconds))] for group in (human, made, others)]
        counts = dict(zip(("human_pieces", "samples", "other_pieces"), map(len, looked), strict=True))
        statistics[style] = counts | {"features": compared(*looked)}
        sets |= {f"model\n{style}": made, f"human\n{style}": human}
    return statistics, _copies(corpus, codec, sets, pieces, progress)


def _copies(
    corpus: Corpus, codec: CodecConfig, sets: Mapping[str, Sequence[Score]], pieces: Sequence[int], progress: Progress
) -> dict[str, Any]:
    train = corpus.split("train")
    own = set(pieces) & set(train)

    def read(indices: Sequence[int]) -> Iterator[Score]:
        for done, index in enumerate(indices):
            yield corpus.score(index, codec.clock == "seconds")
            progress(done + 1, len(indices))

    styles = {name.split("\n", 1)[1] for name in sets}
    of: dict[str, dict[str, Sequence[Score]]] = {}
    for who in ("model", "human"):
        mine = {name: group for name, group in sets.items() if name.startswith(f"{who}\n")}
        of[who] = {f"{who}\nall": [s for group in mine.values() for s in group], **mine} if len(styles) > 1 else mine
    training = runs_of(read(train), codec)
    if own:  # pieces of the training split are not looked for in themselves; samples are looked for in all of it
        rest = runs_of(read([i for i in train if i not in own]), codec)
        found = copying(training, of["model"], codec) | copying(rest, of["human"], codec)
    else:
        found = copying(training, of["model"] | of["human"], codec)
    out: dict[str, Any] = {}
    for name, facts in found.items():
        who, style = name.split("\n", 1)
        out.setdefault(style, {})[who] = facts
    return out
