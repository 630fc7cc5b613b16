"""The network: what it is scored on is what it samples from, what it must not see it does not see."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from melody.codec import CodecConfig, quantise
from melody.codec.columns import StepInputs
from melody.codec.conditions import conditions
from melody.codec.given import NO_HORIZON, Choice, choose, given_notes, look_up
from melody.codec.given import GivenConfig as Chances
from melody.codec.grammar import bounds
from melody.codec.table import PROGRAM_BASE, Field, Role
from melody.corpus.piece import encode_piece
from melody.model import CELLS, EventLSTM, Inputs, ModelConfig, State
from melody.score import Score, Track, note_table

CODEC = CodecConfig(grid=4, velocity_bins=4, styles=("folk",))
TOLERANCE = 2e-5


def piece(seed=0, notes=40, parts=3, codec=CODEC):
    """Random notes in some parts, the first of them the lead; one of them drums."""
    rng = np.random.default_rng(seed)
    tracks = []
    for part in range(parts):
        onset = np.sort(rng.integers(0, 200, notes)) + 70 * (part == 2)
        tracks.append(
            Track("", 10 * part, part == 2, note_table(onset, rng.integers(1, 30, notes), rng.integers(40, 90, notes), [64] * notes))
        )
    return quantise(Score(tuple(tracks), 4), codec, lead=0)


def chosen(piece, given, horizon=NO_HORIZON):
    mask = np.zeros(len(piece.notes), bool) if given is None else np.isin(piece.notes["part"], given)
    return Choice("part", mask, ~mask, 0, piece.end, horizon)


def sequence_of(piece, given=None, horizon=NO_HORIZON):
    return encode_piece(piece, chosen(piece, given, horizon), conditions(piece.config, "folk", 100, 3, (4, 4), 2), True)


def batch(*sequences, padding=0):
    """Sequences side by side, cut to the shortest; ``padding`` further rows of given notes."""
    length = min(len(s) for s in sequences)
    most = max(1, *(len(s.given) for s in sequences)) + padding if len(sequences) > 1 else max(1, len(sequences[0].given)) + padding
    given = np.zeros((most, len(sequences), 7), np.int64)
    for b, s in enumerate(sequences):
        given[: len(s.given), b] = s.given.rows

    def stack(arrays, axis):
        return torch.from_numpy(np.stack(list(arrays), axis)).long()

    steps = [s.steps.at(slice(None, length + 1)) for s in sequences]

    causal = torch.tensor([s.causal for s in sequences])
    return Inputs(
        StepInputs(*(stack(arrays, 1) for arrays in zip(*steps, strict=True))),
        stack((s.parts for s in sequences), 0),
        stack((s.conditions for s in sequences), 0),
        torch.from_numpy(given),
        causal,
        torch.zeros(len(sequences), dtype=torch.bool),
    )


def network(cell="lstm", seed=0, codec=CODEC, **config):
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    # Embeddings of some size, so that what is seen shows.
    sizes = {"layers": 2, "width": 24, "head_width": 12, "given_width": 8, "recall_width": 6, "initial": True, "embedding_sd": 0.5}
    model = EventLSTM(ModelConfig(cell=cell, **(sizes | config)), codec)
    if model.config.recall_width:
        torch.nn.init.normal_(model.recall.trust)
    if model.config.initial:
        torch.nn.init.normal_(model.initial.weight)
    return model.eval()


@torch.no_grad()
def score(model, inputs, state=None):
    return model(inputs, state)


def part_of(inputs, rows):
    return inputs._replace(steps=inputs.steps.at(rows))


def with_events(inputs, events):
    return inputs._replace(steps=inputs.steps._replace(events=events))


@pytest.mark.parametrize("cell", CELLS)
def test_legal_events_have_finite_nats_that_can_be_learned_from(cell):
    model, inputs = network(cell), batch(sequence_of(piece()), sequence_of(piece(1), [0]))
    nats, state = model(inputs)
    assert nats.shape == (inputs.steps.events.shape[0] - 1, 2, 6) and torch.isfinite(nats).all() and (nats >= 0).all()
    assert state.hidden.shape == state.cell.shape == (2, 2, 24)
    torch.autograd.backward(nats.sum())
    dead = {n for n, p in model.named_parameters() if p.grad is None}
    assert dead == {n for n, _ in model.named_parameters() if n.startswith("logits.") and f".{int(Field.PART)}." in n}


def test_a_field_with_one_legal_value_costs_nothing():
    inputs = batch(sequence_of(piece()))
    nats, _ = score(network(), inputs)
    target = inputs.steps.events[1:, 0]
    for field, role in ((Field.PART, Role.PART), (Field.WAIT, Role.PART), (Field.PITCH, Role.REST), (Field.DURATION, Role.END)):
        assert (nats[target[:, Field.ROLE] == role, 0, field] < 1e-6).all()


def test_an_illegal_event_is_impossible():
    inputs = batch(sequence_of(piece()))
    rows = inputs.steps.events.clone()
    note = int((rows[:, 0, Field.ROLE] == Role.NOTE).nonzero()[3])
    rows[note, 0, Field.PART] = 9  # never declared
    nats, _ = score(network(), with_events(inputs, rows))
    assert torch.isinf(nats[note - 1, 0, Field.PART])


@pytest.mark.parametrize("cell", CELLS)
def test_two_chunks_with_the_state_carried_equal_one(cell):
    model, inputs = network(cell), batch(sequence_of(piece()), sequence_of(piece(1), [1]))
    whole, end = score(model, inputs)
    first, state = score(model, part_of(inputs, slice(0, 31)))
    second, state = score(model, part_of(inputs, slice(30, None)), state)
    assert torch.allclose(torch.cat([first, second]), whole, atol=TOLERANCE)
    assert all(torch.allclose(a, b, atol=TOLERANCE) for a, b in zip(state, end, strict=True))


def test_a_reset_row_starts_anew_and_the_other_goes_on():
    model, inputs = network(), batch(sequence_of(piece()), sequence_of(piece(1)))
    _, state = score(model, inputs)
    assert all((half != 0).any() for half in state)
    again, _ = score(model, inputs._replace(reset=torch.tensor([True, False])), state)
    fresh, _ = score(model, inputs)
    assert torch.allclose(again[:, 0], fresh[:, 0], atol=TOLERANCE) and not torch.allclose(again[:, 1], fresh[:, 1], atol=1e-3)


def stepwise(model, inputs):
    """Nats by the steps that sampling takes: one event at a time, one field after the other."""
    state = model.initial_state(inputs.conditions)
    context = model.context(inputs.parts, inputs.conditions, inputs.given, inputs.causal)
    nats = []
    for t in range(len(inputs.steps.events) - 1):
        before, target = inputs.steps.events[t], inputs.steps.events[t + 1]
        x = model.embed(context, inputs.steps.at(slice(t, t + 1)))
        y, state = model.advance(x, state)
        heads = model.begin_heads(y[-1], inputs.steps.recalled[t])
        so_far = torch.zeros_like(target)
        for field in Field:
            if field == Field.PART:
                heads = model.set_time(context, heads, inputs.steps.features[t + 1], inputs.steps.lookups[t + 1])
            logits = model.field_logits(context, heads, field)
            low, high = bounds(model.codec, torch, field, before, so_far, context.last_part)
            values = torch.arange(logits.shape[-1])
            legal = (values >= low[:, None]) & (values <= high[:, None])
            if field == Field.PART:
                legal &= context.allowed | (target[:, :1] != Role.NOTE)
            logits = logits.masked_fill(~legal, float("-inf"))
            nats.append(-logits.log_softmax(-1).gather(-1, target[:, field, None])[:, 0])
            so_far[:, field] = target[:, field]
            if field != Field.VELOCITY:
                heads = model.choose_field(heads, field, target[:, field])
            if field == Field.PART:
                heads = model.choose_part(context, heads, target[:, field], target[:, Field.ROLE])
    return torch.stack(nats).view(len(inputs.steps.events) - 1, 6, -1).transpose(1, 2)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("given", "horizon"), [(None, NO_HORIZON), ([0], NO_HORIZON), ([0, 2], 4)])
def test_sampling_uses_the_distribution_that_was_trained(cell, given, horizon):
    model, inputs = network(cell), batch(sequence_of(piece(), given, horizon), sequence_of(piece(2), [1]))
    with torch.no_grad():
        assert torch.allclose(stepwise(model, inputs), score(model, inputs)[0], atol=TOLERANCE)


@pytest.mark.parametrize("causal", [False, True])
def test_padding_of_given_notes_changes_nothing(causal):
    model = network()
    few, many = sequence_of(piece(0, 12), [0], 4 if causal else NO_HORIZON), sequence_of(piece(1, 60), [0, 1])
    alone, _ = score(model, batch(few))
    padded, _ = score(model, batch(few, padding=17))
    beside, _ = score(model, batch(few, many))
    assert torch.allclose(alone, padded, atol=TOLERANCE)
    count = min(len(alone), len(beside))
    assert torch.allclose(alone[:count, 0], beside[:count, 0], atol=TOLERANCE)


@pytest.mark.parametrize("t", [0, 2, 5, 40])
def test_later_targets_do_not_leak(t):
    """Events after t may be anything: what is predicted up to event t stays."""
    model, inputs = network(), batch(sequence_of(piece()), sequence_of(piece(), [0]))
    rows, other = inputs.steps.events.clone(), batch(sequence_of(piece(7)), sequence_of(piece(7), [0]))
    count = min(len(rows), len(other.steps.events))
    cut = part_of(inputs, slice(0, count))
    mixed = StepInputs(*(torch.cat([mine[: t + 2], theirs[t + 2 : count]]) for mine, theirs in zip(cut.steps, other.steps, strict=True)))
    changed, _ = score(model, cut._replace(steps=mixed._replace(recalled=cut.steps.recalled)))
    assert torch.allclose(score(model, cut)[0][: t + 1], changed[: t + 1], atol=TOLERANCE)


def test_what_a_later_part_will_be_does_not_leak():
    """Program and lead of part 2 change: all before its declaration stays, and so does what its declaration costs given the new values."""
    model, sequences = network(), sequence_of(piece())
    inputs = batch(sequences)
    parts, rows = inputs.parts.clone(), inputs.steps.events.clone()
    parts[0, 2, :2] = torch.tensor([77, 1])
    rows[3, 0, Field.PITCH], rows[3, 0, Field.VELOCITY] = PROGRAM_BASE + 77, 1
    assert rows[3, 0, Field.ROLE] == Role.PART and rows[3, 0, Field.PART] == 2
    one, _ = score(model, inputs)
    other, _ = score(model, with_events(inputs._replace(parts=parts), rows))
    assert torch.allclose(one[:2], other[:2], atol=TOLERANCE)
    assert torch.allclose(one[2, :, : Field.PITCH], other[2, :, : Field.PITCH], atol=TOLERANCE)
    truth, _ = score(model, with_events(inputs, rows))  # the table still says the old program: it must not help
    assert torch.allclose(truth[2], other[2], atol=TOLERANCE)


@pytest.mark.parametrize("horizon", [0, 4, 16])
def test_causal_rows_do_not_see_past_the_horizon(horizon):
    model, song = network(), piece(3, 50)
    choice = chosen(song, [0], horizon)
    seen = sequence_of(song, [0], horizon)
    moment = 60
    late = choice.given & (song.notes["onset"] > moment + horizon)
    notes = song.notes.copy()
    notes["pitch"][late] = 100 - notes["pitch"][late] // 2
    notes["duration"][late] = 3
    other = sequence_of(replace(song, notes=notes), [0], horizon)
    assert late.any() and not np.array_equal(seen.given.rows, other.given.rows)
    events = int(np.searchsorted(np.cumsum(seen.steps.events[:, Field.WAIT]), moment, side="right")) - 1
    one, two = (score(model, batch(s))[0][:events] for s in (seen, other))
    assert events > 20 and torch.allclose(one, two, atol=TOLERANCE)
    whole, changed = (score(model, batch(replace(s, causal=False)))[0][:events] for s in (seen, other))
    assert not torch.allclose(whole, changed, atol=1e-3)  # who may see it all does see it


def test_given_notes_are_seen_ahead_when_the_future_is_known():
    song = piece(3, 50)
    given = given_notes(song, chosen(song, [0]).given)
    near, far = (look_up(CODEC, given, np.array([0], np.int32), h) for h in (0, NO_HORIZON))
    assert near[0, 1] == 0 and far[0, 1] == near[0, 0] + 1


def test_every_random_choice_of_what_is_given_can_be_scored():
    model, song = network(), piece(5)
    for seed in range(25):
        choice = choose(song, np.random.default_rng(seed), Chances(0.1, 1, 1, 1, 1, 2, 0.5))
        nats, _ = score(model, batch(encode_piece(song, choice, conditions(CODEC), False)))
        assert torch.isfinite(nats).all(), choice.mode


def test_the_seconds_clock():
    codec = CodecConfig("seconds", 20, 4)
    model, inputs = network(codec=codec), batch(sequence_of(piece(codec=codec), [1]))
    with torch.no_grad():
        assert torch.allclose(stepwise(model, inputs), score(model, inputs)[0], atol=TOLERANCE)


def test_dropout_acts_in_training_only():
    model, inputs = network(dropout=0.5), batch(sequence_of(piece()))
    assert torch.equal(score(model, inputs)[0], score(model, inputs)[0])
    model.train()
    assert not torch.equal(score(model, inputs)[0], score(model, inputs)[0])


def test_dropout_takes_the_same_units_at_every_step():
    """So that a unit that is gone cannot come back through the state (Gal and Ghahramani, 2016)."""
    model = network(dropout=0.5).train()
    mask = model._drop(torch.ones(9, 2, 24))
    assert (mask == mask[:1]).all() and set(mask.unique().tolist()) == {0.0, 2.0} and not torch.equal(mask[:, 0], mask[:, 1])


def test_forget_gates_begin_open():
    model = network()
    for cell in model.cells:
        forget = (cell.bias_ih_l0 + cell.bias_hh_l0)[24:48]
        assert (forget == 1).all() and (cell.bias_ih_l0[:24] < 1).all()


def test_state_is_a_value():
    state = State(torch.ones(1, 2, 3, requires_grad=True), torch.ones(1, 2, 3))
    assert not state.detach().hidden.requires_grad and state.hidden.requires_grad
