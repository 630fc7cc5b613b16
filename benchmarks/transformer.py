"""What would a small transformer cost a note? One with a KV cache and as many weights as the shipped model, beside its engine.

    python benchmarks/transformer.py [--model base] [--events 256 1024 4096] [--rounds 5]

Random weights of a Llama shape (rotary positions, 8 layers, tied embeddings), made by the library transformers: the time of a step does not
depend on what the weights are. One thread, processor time; each round measures all in turn, medians over rounds. *one step an event*: the
cheapest case, all six fields of an event at once, as if they were one token; *five tokens*: the usual one, wait, part, pitch, duration and
velocity one after the other, so five steps and a cache five times as long; *ours*: the bundle's engine after so many events, with heads,
grammar and sampling; a note, its rests counted in. A transformer's step is its bare forward pass with the cache and the largest logit
taken: no grammar, no sampling; the quicker of the library's growing and its static cache. Filling the cache is not counted.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import torch
import transformers
from bench import Table, finish, parsed

from melody import compose
from melody.codec import CodecConfig

TOKENS = 5  # an event as a row of tokens: wait, part, pitch, duration, velocity
LAYERS, HEADS, WIDTH, INNER = 8, 8, 272, 736
STEPS = 24  # steps that are timed in a round
WARM = 3
Step = Callable[[], None]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure."""
    options = parsed(__file__, __doc__, arguments, (), {"rounds": 1, "events": [64]}, model=None, events=[256, 1024, 4096], rounds=5)
    torch.set_num_threads(1)
    composer = compose.load(options.model)
    model = transformer(composer.bundle.codec)
    with torch.inference_mode():
        found = [measured(model, composer, events, options.rounds) for events in options.events]
    columns = {"after events": ",", "one step an event, times ours": ".1f", "five tokens, times ours": ".1f", "ours ms": ".2f"}
    columns |= {"one step ms": ".2f", "five tokens ms": ".2f", "cache MB, one step": ".1f", "five tokens": ".1f"}
    rows = [
        [r["events"], r["single"] / r["ours"], r["flat"] / r["ours"], *(r[n] for n in ("ours", "single", "flat", "single_mb", "flat_mb"))]
        for r in found
    ]
    weights = sum(p.numel() for p in model.parameters()) / 1e6
    low, high = (rows[i][1] for i in (0, -1))
    answer = f"a bare step an event {low:.1f} times our whole note after {rows[0][0]:,} events, {high:.1f} times after {rows[-1][0]:,}"
    finish(
        options,
        answer,
        [Table(columns, rows, f"A transformer of {weights:.1f} M weights")],
        packages=["torch", "transformers", "onnxruntime"],
    )


def transformer(codec: CodecConfig) -> Any:
    """A Llama of about 8 million weights over the values of all fields."""
    config = transformers.LlamaConfig(
        vocab_size=sum(codec.sizes),
        hidden_size=WIDTH,
        intermediate_size=INNER,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        max_position_embeddings=1 << 16,
        tie_word_embeddings=True,
    )
    torch.manual_seed(1)
    return transformers.LlamaForCausalLM(config).eval()


def measured(model: Any, composer: compose.Composer, events: int, rounds: int) -> dict[str, float]:
    """Milliseconds an event after so many, and the megabytes of the caches."""
    caches = {(steps, still): filled(model, events * steps, still) for steps in (1, TOKENS) for still in (False, True)}
    notes = composer.stream(seed=1, tempo=100)
    for _ in range(events):
        next(notes)
    times: dict[str, list[float]] = {"single": [], "flat": [], "ours": []}
    for _ in range(rounds):
        for name, steps in (("single", 1), ("flat", TOKENS)):
            times[name].append(steps * min(timed(stepper(model, caches[steps, still]), STEPS) for still in (False, True)))
        times["ours"].append(timed(lambda: next(notes) and None, STEPS * 10))
    cached = 2 * LAYERS * WIDTH * 4 * events / 1e6
    return {"events": events, **{k: median(v) for k, v in times.items()}, "single_mb": cached, "flat_mb": TOKENS * cached}


def filled(model: Any, tokens: int, still: bool) -> Any:
    """A cache of so many tokens, of random numbers: how long a step takes does not depend on them. ``still``: it does not grow."""
    room = {"max_cache_len": tokens + STEPS + WARM} if still else {}
    cache = (transformers.StaticCache if still else transformers.DynamicCache)(config=model.config, **room)
    for layer in range(LAYERS):
        cache.update(*(torch.randn(1, HEADS, tokens, WIDTH // HEADS) for _ in range(2)), layer)
    return cache


def stepper(model: Any, cache: Any) -> Step:
    """One token more at each call, on a copy of the cache."""
    own = copy.deepcopy(cache)
    token = torch.zeros((1, 1), dtype=torch.long)

    def step() -> None:
        nonlocal token
        token = model(token, past_key_values=own, use_cache=True).logits[:, -1].argmax(-1, keepdim=True)

    for _ in range(WARM):  # the first calls make room
        step()
    return step


def timed(step: Step, count: int) -> float:
    """Milliseconds of processor time a call."""
    begin = time.process_time()
    for _ in range(count):
        step()
    return 1e3 * (time.process_time() - begin) / count


if __name__ == "__main__":
    main()
