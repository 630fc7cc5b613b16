"""What moves the pitches: a scale, and the unconditional row that does not see what is given."""

import numpy as np
import pytest

from melody.codec.table import DRUMS, Field, Role
from melody.generate.guidance import guided
from melody.generate.loop import Writer, pieces, write
from melody.generate.sampling import Sampling

from .conftest import FakeEngine, check, declared, held_notes, notes_of, plan

WILD = Sampling(temperature=1, top_p=1)


def test_a_scale_moves_pitches_but_not_drums():
    scale = np.where(np.arange(128) % 12 == 0, 0, -60).astype(np.float32)
    flat = FakeEngine(preferred=lambda field, chosen: 0.0)
    for program, in_scale in ((0, True), (DRUMS, False)):
        made = plan(program, scale=scale, sampling=WILD)
        (rows,) = write(flat, [made])
        check(made, rows)
        classes = {n[2] % 12 for n in notes_of(made, rows)}
        assert (classes == {0}) is in_scale


def test_pitches_of_notes_are_guided_and_instruments_are_not():
    own, alone = np.array([[1, 5, 2], [4, 4, 4], [0, 1, 2]], np.float32), np.array([[1, 1, 1], [2, 2, 2]], np.float32)
    chosen = np.zeros((3, len(Field)), np.int64)
    chosen[:, Field.ROLE] = (Role.NOTE, Role.NOTE, Role.PART)
    out = guided(np.concatenate([own, alone]), np.array([0, 2]), chosen, np.array([3, 3, 3], np.float32))
    assert out.tolist() == [[1, 13, 4], [4, 4, 4], [0, 1, 2]]  # the second row has no partner, the third declares
    assert guided(np.concatenate([own, alone]), np.array([0, 2]), chosen, np.ones(3, np.float32)).tolist() == own.tolist()


class LikesLow(FakeEngine):
    """Likes low pitches a little where notes are given, and all pitches alike where not."""

    def context(self, parts, conditions, given, causal):
        parts = np.array(parts)
        parts[:, 15, 0] = np.where(given[..., 2].any(0), 999, 0)  # a mark that this row sees given notes
        return parts

    def update_parts(self, context, rows, parts):
        marks = context[rows, 15, 0]
        context = super().update_parts(context, rows, parts)
        context[rows, 15, 0] = marks
        return context

    def put(self, context, state, rows, other, other_state):
        return FakeEngine.update_parts(self, context, rows, other), super().put(context, state, rows, other, other_state)[1]

    def logits(self, context, heads, field, rows=None, values=None):
        context = context[:rows]
        slope = np.where(context[:, 15, 0] == 999, -0.02, 0) * (field == Field.PITCH)
        return (slope[:, None] * np.arange(self.codec.sizes[field])).astype(np.float32)


@pytest.mark.parametrize("guidance", [1.0, 5.0])
def test_the_unconditional_row_reads_what_its_row_reads(guidance):
    pitches = []
    for seed in range(20):
        sampling = Sampling(1, 1, guidance=guidance)
        common = {"held": [0], "prime": declared(0, 24), "given": held_notes(0, 9, 20), "declare": (1, 1)}
        writer = Writer(LikesLow(), [plan(0, 24, **common, sampling=sampling, seed=seed)])
        for step in writer:
            pitches += [r[Field.PITCH] for r in step.rows if r[Field.ROLE] == Role.NOTE]
            if guidance > 1:
                row, unconditional = writer.values[1]
                assert row == unconditional
            assert len(writer.partners) == (guidance > 1)
    assert bool(np.mean(pitches) < 20) is (guidance > 1)


def test_guided_and_plain_rows_side_by_side():
    def plans():
        common = {"held": [0], "prime": declared(0, 24), "given": held_notes(0, 9, 20)}
        guided = Sampling(1, 1, guidance=4)
        return [plan(0, 24, **common, sampling=s, seed=i) for i, s in enumerate((WILD, guided))] + [plan(0, sampling=guided)]

    together = write(LikesLow(), plans())
    for made, rows in zip(plans(), together, strict=True):
        check(made, rows)
        assert np.array_equal(write(LikesLow(), [made])[0], rows)


def test_guided_plans_can_come_late_and_leave_early():
    """Rows get an unconditional one only where they need it, wherever they stand in the batch."""
    common = {"held": [0], "prime": declared(0, 24), "given": held_notes(0, 9, 20)}
    kinds = [WILD, Sampling(1, 1, guidance=4)]
    made = [plan(0, 24, **common, sampling=kinds[(i * i) % 3 % 2], seed=i, stop=16 * (1 + i % 4), ending=0) for i in range(9)]
    found = dict(pieces(LikesLow(), iter(made), capacity=3))
    for index, each in enumerate(made):
        assert np.array_equal(found[index], write(LikesLow(), [each])[0])
