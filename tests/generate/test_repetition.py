"""Music that goes round in circles, and how it finds out of them."""

import numpy as np
import pytest

from melody.codec.incremental_recall import IncrementalRecall
from melody.codec.recall import bars_ago
from melody.codec.table import Field, Role
from melody.generate.loop import Writer
from melody.generate.plan import NO_STOP
from melody.generate.repetition import rounds
from melody.generate.sampling import Sampling

from .conftest import CODEC, FakeEngine, metre, plan


def bars_of(notes, length=16):
    bars = {}
    for onset, part, pitch, _ in notes:
        bars.setdefault(onset // length, []).append((onset % length, part, pitch))
    return [bars.get(b) for b in range(max(bars) + 1)]


class Copier(FakeEngine):
    """Plays what the pointer two bars back predicts, and where nothing is predicted whatever comes."""

    def advance(self, context, state, steps):
        heads, state = super().advance(context, state, steps)
        recalled = steps.recalled[-1, :, 1]
        return [(s + bytes([len(self.read) % 251]), t, mine) for (s, t), mine in zip(heads, recalled, strict=True)], state

    def embed_choice(self, context, heads, field, value, role):
        heads_after = super().embed_choice(context, [h[:2] for h in heads], field, value, role)
        return [(*t, h[2]) for t, h in zip(heads_after, heads, strict=True)]

    def logits(self, context, heads, field, rows=None, values=None):
        logits = super().logits(context, [h[:2] for h in heads], field)
        for row, (_, _, predicted) in zip(logits, heads, strict=True):
            if predicted[0] and field in (Field.ROLE, Field.WAIT, Field.PITCH, Field.DURATION):
                row[
                    {Field.ROLE: Role.NOTE, Field.WAIT: predicted[0] - 1, Field.PITCH: predicted[2] - 1, Field.DURATION: predicted[3]}[
                        field
                    ]
                ] += 40
        return logits[:rows]


@pytest.mark.parametrize("repetition", [0, 4])
def test_music_that_goes_round_in_circles_finds_out_of_them(repetition):
    made = plan(0, stop=NO_STOP, ending=NO_STOP, bars_left_known=False, sampling=Sampling(repetition=repetition))
    notes = []
    for step in Writer(Copier(), [made]):
        if step.rows[0, Field.ROLE] == Role.NOTE:
            notes.append((int(step.time[0]), 0, int(step.rows[0, Field.PITCH]), 0))
        if step.time[0] > 16 * 120:
            break
    bars = [tuple(b or ()) for b in bars_of(notes)][16:112]
    different = len(set(bars))
    assert different <= 4 if repetition == 0 else different > 8


def test_rounds_are_counted_by_the_pointer_that_went_round_most():
    figure = [(0, 60), (5, 62), (8, 64), (20, 65), (26, 59), (30, 61), (37, 66), (40, 58)]  # in three bars
    memory, meter = IncrementalRecall(CODEC, 1), metre()
    for turn in range(12):
        for onset, pitch in figure:
            time = np.array([48 * turn + onset])
            ago = bars_ago(meter, time)
            memory.after(np.array([0]), np.array([[Role.NOTE, 0, 0, pitch, 1, 0]]), time, ago)
        assert rounds(memory, 0, ago[0]) == (0 if turn < 5 else pytest.approx(turn - 1, abs=1))
