"""One piece of the corpus as the model sees it: varied, with a choice of what is given, encoded.

Knows Scores, Pieces and the corpus; does not know batches.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from melody import edit, theory
from melody.codec import encode as codec_encode
from melody.codec.columns import Feature, StepInputs
from melody.codec.conditions import conditions
from melody.codec.encode import Piece, quantise
from melody.codec.given import NO_HORIZON, Choice, Given, GivenConfig, choose, given_notes, look_up, nothing_given, part_table
from melody.codec.outline import Outline, chord_piece, form_piece, outline_of
from melody.codec.recall import recall
from melody.codec.table import MAX_PARTS, CodecConfig, Field, Role
from melody.corpus.tables import Corpus
from melody.corpus.window import draw_window
from melody.score import Score
from melody.settings import check_settings, setting
from melody.theory import key_transposed

OUTLINES: WeakKeyDictionary[Corpus, dict[tuple[int, int], Outline]] = WeakKeyDictionary()  # by place in the corpus, and grid
HIDDEN_HOLES = 0.5  # share of windows inside which nothing of the outline is known


@dataclass(frozen=True)
class AugmentConfig:
    """How pieces are varied in training; ``AugmentConfig.none()`` for validation. Errors: ``CallError`` that names the setting."""

    transpose_down: int = setting(5, "Semitones down, at most.", kind=int, low=0, high=24)
    transpose_up: int = setting(6, "Semitones up, at most.", kind=int, low=0, high=24)
    stretch: float = setting(0.1, "Tempo changes by up to this share.", kind=float, low=0, high=1, below=True)
    loudness: int = setting(2, "Levels of velocity up or down, at most.", kind=int, low=0, high=127)
    drop_condition: float = setting(0.3, "Chance that a condition of a piece becomes unknown.", kind=float, low=0, high=1)
    drop_left: float = setting(0.5, "Chance that the number of bars left is not known.", kind=float, low=0, high=1)

    def __post_init__(self) -> None:
        check_settings(self)

    @staticmethod
    def none() -> AugmentConfig:
        """No variation; conditions are known, the bars left are not."""
        return AugmentConfig(0, 0, 0.0, 0, 0.0, 1.0)


@dataclass(frozen=True, eq=False)
class EncodedPiece:
    """One piece ready for the model: t events, the first input before them, and all that the model sees beside them."""

    steps: StepInputs[NDArray[Any]]  # (t + 1, ...): event 0 is the END of "the piece before"
    parts: NDArray[np.int16]  # (16, 3) by ``PartColumn``
    conditions: NDArray[np.int16]  # (5,) by ``Condition``
    given: Given
    causal: bool

    def __len__(self) -> int:
        return len(self.steps.events) - 1

    def without_end(self) -> EncodedPiece:
        """The same events but the last, the end: the music goes on."""
        return replace(self, steps=self.steps.at(slice(0, len(self))))


def encode_piece(
    piece: Piece, choice: Choice, conditions: NDArray[np.int16], bars_left_known: bool, outline: Outline | None = None
) -> EncodedPiece:
    """Encode a piece under a choice of what is given. ``outline``: what is known of one."""
    events = codec_encode(piece, choice.free, choice.start)
    time = np.concatenate([[choice.start], events.time]).astype(np.int32)
    rows = np.zeros((len(events) + 1, len(Field)), np.int16)
    rows[0, Field.ROLE] = Role.END
    rows[1:] = events.rows
    features = piece.metre.features(time.astype(np.int64), choice.stop if bars_left_known else None)
    if outline is not None:
        outline.features(piece.config, piece.metre, time.astype(np.int64), features)
    given = given_notes(piece, choice.given)
    # Inside a window a part is given and free at once; it counts as given only where nothing of it is free.
    whole = choice.given & ~np.isin(piece.notes["part"], piece.notes["part"][choice.free])
    lookups = look_up(piece.config, given, time, choice.horizon)
    recallable = choice.free | (choice.given & ~whole & (piece.notes["onset"] < choice.start))  # and what stands before a hole
    notes = piece.notes[recallable]
    notes["pitch"] = piece.tokens[recallable]
    plays = rows[:, Field.ROLE] == Role.NOTE
    notes_so_far = len(notes) - int(plays.sum()) + np.cumsum(plays)
    recalled = recall(piece.config, piece.metre, notes, notes_so_far, time.astype(np.int64), plays, features[:, Feature.FORM])
    return EncodedPiece(StepInputs(rows, features, lookups, recalled), part_table(piece, whole), conditions, given, choice.causal)


def encode_score(score: Score, config: CodecConfig, style: str | None = None) -> EncodedPiece:
    """A Score as the model reads it in validation: nothing given, style, tempo, key, meter and density known, the bars left not.

    On the seconds clock notes last as long as the pedal holds them. Of more than 16 tracks the busiest are read.
    ``style``: one of the codec's; another one, or None, is "any".
    """
    if len(score.tracks) > MAX_PARTS:
        score = edit.busiest_tracks(score, MAX_PARTS)
    if config.clock == "seconds":
        score = edit.apply_pedal(score)
    piece = quantise(score, config, theory.lead_track(score)[0])
    conditions = piece_conditions(config, score, piece, style, theory.key_of(score))
    return encode_piece(piece, nothing_given(piece), conditions, bars_left_known=False)


def piece_conditions(config: CodecConfig, score: Score, piece: Piece, style: str | None, key: int | None) -> NDArray[np.int16]:
    """The five classes of a piece as it is: its mean tempo, its first meter, its density."""
    end = max(1, score.end_tick)
    seconds = max(1e-3, float(score.seconds([end])[0]))
    quarters = end / score.ticks_per_quarter
    unit = quarters if config.clock == "beats" else seconds * 2
    meter = (int(score.meters["numerator"][0]), int(score.meters["denominator"][0]))
    return conditions(config, style, quarters * 60 / seconds, key, meter, len(piece.notes) / max(unit, 1e-3))


def training_piece(
    corpus: Corpus, index: int, config: CodecConfig, rng: np.random.Generator, augment: AugmentConfig, given: GivenConfig, window: int = 0
) -> EncodedPiece:
    """One piece of the corpus, varied, with a random choice of what is given. The order of the draws is fixed.

    ``window``: of a piece with more notes than this (0: any number) some bars are seen, as they stand in the piece.
    """
    facts = corpus.pieces[index]
    score = corpus.score(index, sustained=config.clock == "seconds")
    factor = 1 + augment.stretch * (2 * rng.random() - 1)
    tempi = score.tempi.copy()
    tempi["mspq"] = np.clip(np.rint(tempi["mspq"] * factor), 1, 16_777_215)
    score = replace(score, tempi=tempi)
    piece = whole = quantise(score, config, facts.lead)
    low, high = piece.pitch_range()
    semitones = int(rng.integers(-augment.transpose_down, augment.transpose_up + 1))
    semitones = max(-low, min(127 - high, semitones))
    bins = int(rng.integers(-augment.loudness, augment.loudness + 1))
    piece = louder(piece.transposed(semitones), bins)
    classes = piece_conditions(config, score, piece, facts.style, key_transposed(facts.key, semitones))
    classes = np.where(rng.random(len(classes)) < augment.drop_condition, 0, classes).astype(np.int16)
    bars_left_known = bool(rng.random() >= augment.drop_left)
    seen = draw_window(piece, window, rng)
    choice = choose(seen.piece, rng, given, seen.start)
    if choice.mode != "window":
        choice = replace(choice, stop=seen.stop)  # bars are left up to the end of the piece
    written, known = seen.piece, None
    if config.outlined and len(piece.notes):
        outline = _outline(corpus, index, whole).transposed(semitones).louder(bins, config)
        written, choice, known = passed(seen.piece, choice, outline, rng, given, seen.ends and not seen.start)
    encoded = encode_piece(written, choice, classes, bars_left_known, known)
    return encoded if seen.ends or written is not seen.piece else encoded.without_end()


def _outline(corpus: Corpus, index: int, piece: Piece) -> Outline:
    """The outline of a piece of a corpus as it is stored: made once for each run, it takes longer than the encoding."""
    known = OUTLINES.setdefault(corpus, {})
    key = (index, piece.config.grid)
    if key not in known:
        known[key] = outline_of(piece)
    return known[key]


def passed(
    piece: Piece, choice: Choice, outline: Outline, rng: np.random.Generator, given: GivenConfig, whole: bool = True
) -> tuple[Piece, Choice, Outline | None]:
    """One of the passes in which a piece is written: its form, its chords or its notes; what of it is given, and known of its outline.

    ``whole``: whether ``piece`` has all its notes; the outline always is that of the whole piece.
    """
    which, known, in_hole, *hides = rng.random(6).tolist()
    chords, form, texture = (h < given.hidden for h in hides)
    if which < given.form_pass:
        made = form_piece(piece, outline)
        return made, nothing_given(made), None
    if which < given.form_pass + given.chord_pass:
        held = choice.given if whole and choice.mode in ("lead", "part", "others") else None
        made, is_given = chord_piece(piece, outline, held)
        if len(made.parts) <= MAX_PARTS:
            mine = Choice(choice.mode, is_given, ~is_given, 0, made.end, horizon=choice.horizon if held is not None else NO_HORIZON)
            return made, mine, outline.without(chords=True, form=form, texture=texture)
    if known >= given.outline:
        return piece, choice, None
    if choice.mode == "window" and in_hole < HIDDEN_HOLES:
        outline = outline.without_between(piece.metre, choice.hole, choice.stop)
    return piece, choice, outline.without(chords, form, texture)


def louder(piece: Piece, bins: int) -> Piece:
    """Every velocity moved by some bins, kept in range."""
    notes = piece.notes.copy()
    notes["velocity"] = np.clip(notes["velocity"] + bins, 0, piece.config.velocity_bins - 1)
    return replace(piece, notes=notes)
