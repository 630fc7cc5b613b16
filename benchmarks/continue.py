"""Do continuations stay with their piece? The model's next bars beside the bars that the human wrote.

    python benchmarks/continue.py CORPUS [--style pop909] [--model base] [--prime 16] [--bars 16] [--songs 60] [--seed 1]

Pieces of the test split are cut after some bars; the model writes more (all tracks at once), the human's next bars are the measure: the
quartiles of their statistics, and whether the model's mean lies within (``melody/evaluation/continuation.py``). *key*: share of sounding
time in the scale of the prime's key; *density*: notes a bar, divided by the prime's; *repeated*: share of bars that stood in an earlier
bar, note for note; *empty*: share of bars in which no note starts; *range*: semitones from the 5th to the 95th percentile of pitch.
"""

from __future__ import annotations

from collections.abc import Sequence

from bench import Table, finish, parsed

from melody import compose
from melody.corpus import Corpus
from melody.evaluation.continuation import beside_human, primes, statistics


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure."""
    drawing = {"temperature": compose.Sampling.temperature, "top_p": compose.Sampling.top_p}
    quick = {"songs": 2, "prime": 6, "bars": 4}
    options = parsed(
        __file__, __doc__, arguments, ["corpus"], quick, model=None, style="pop909", prime=16, bars=16, songs=60, seed=1, **drawing
    )
    pairs = primes(Corpus(options.corpus), options.style, options.prime, options.bars, options.songs)
    if not pairs:
        raise SystemExit(f"{options.style}: no piece of the test split has {options.prime + options.bars} bars")
    composer, sampling = compose.load(options.model), compose.Sampling(**{name: getattr(options, name) for name in drawing})
    requests = [
        compose.Continue(tune=prime, bars=options.bars, seed=options.seed + i, sampling=sampling) for i, (prime, _) in enumerate(pairs)
    ]
    written = composer.many(requests)
    human, model = ([statistics(p, options.prime, options.bars) for p in of] for of in ([whole for _, whole in pairs], written))
    found = beside_human(human, model)
    columns = {
        "style": "",
        "pieces": "",
        "statistic": "",
        "human, quartile": ".3f",
        "median": ".3f",
        "quartile": ".3f",
        "human, mean": ".3f",
    }
    columns |= {"model, mean": ".3f", "within": ""}
    rows = [
        [options.style, len(pairs), name, c.lower, c.median, c.upper, c.human_mean, c.mean, "yes" if c.within else "no"]
        for name, c in found.items()
    ]
    answer = f"{options.style}: {sum(c.within for c in found.values())} of {len(found)} statistics between the human quartiles"
    finish(options, answer, [Table(columns, rows)], packages=["onnxruntime"])


if __name__ == "__main__":
    main()
