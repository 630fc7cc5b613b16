"""What would a small transformer cost a note? One with a KV cache and as many weights as the shipped model, beside its engine.

    python benchmarks/transformer.py [--model base] [--events 256 1024 4096] [--rounds 5] [--quick] [--json]

Random weights of a Llama shape (rotary positions, 8 layers, tied embeddings), made by the library transformers: the time of a step
does not depend on what the weights are. One thread, processor time; each round measures all rows in turn, medians over rounds.

    one step an event      the cheapest case: all six fields of an event at once, as if they were one token
    five tokens an event   the usual one: wait, part, pitch, duration and velocity one after the other, so five steps and a
                           cache five times as long
    ours                   the bundle's engine after so many events, with heads, grammar and sampling; a note, its rests counted in

A transformer's step is its bare forward pass with the cache and the largest logit taken: no grammar, no sampling, none of
what ``transformers.generate`` adds; the quicker of the library's growing cache, which is copied at every step, and its static
one. Filling the cache is not counted.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import torch
import transformers
from machine import machine

from melody import compose
from melody.codec import CodecConfig

TOKENS = 5  # an event as a row of tokens: wait, part, pitch, duration, velocity
LAYERS, HEADS, WIDTH, INNER = 8, 8, 272, 736
STEPS = 24  # steps that are timed in a round
WARM = 3
Step = Callable[[], None]


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=None)
    parser.add_argument("--events", type=int, nargs="+", default=[256, 1024, 4096])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="one round, 64 and 256 events")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    if options.quick:
        options.rounds, options.events = 1, [64, 256]
    torch.set_num_threads(1)
    composer = compose.load(options.model)
    model = transformer(composer.bundle.codec)
    facts: dict[str, Any] = {
        "machine": machine("torch", "transformers", "onnxruntime"),
        "weights": sum(p.numel() for p in model.parameters()),
        "tokens": TOKENS,
        "rows": [],
    }
    with torch.inference_mode():
        for events in options.events:
            facts["rows"].append(measured(model, composer, events, options.rounds))
    print(json.dumps(facts)) if options.json else table(facts)


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


def table(facts: dict[str, Any]) -> None:
    """Print as Markdown, ratios first."""
    print(f"{facts['machine']}; transformer of {facts['weights'] / 1e6:.1f} M weights, one thread, processor time\n")
    print("| after events | one step an event, times ours | five tokens, times ours | ours ms | one step ms | five tokens ms | caches MB |")
    print("|---|---|---|---|---|---|---|")
    for r in facts["rows"]:
        ratios = f"{r['single'] / r['ours']:.1f} | {r['flat'] / r['ours']:.1f}"
        times = f"{r['ours']:.2f} | {r['single']:.2f} | {r['flat']:.2f}"
        print(f"| {r['events']:,} | {ratios} | {times} | {r['single_mb']:.1f} / {r['flat_mb']:.1f} |")


if __name__ == "__main__":
    main()
