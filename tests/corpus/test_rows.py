"""How a stream deals its pieces: row by row, so that processes can share the rows and all pieces come."""

from collections import Counter
from itertools import islice

import pytest

from melody.codec import CodecConfig
from melody.codec.given import GivenConfig
from melody.corpus import Corpus, truncated_bptt
from melody.corpus.piece import AugmentConfig
from melody.corpus.stream import Stream

from .test_stream import same

DENSE = GivenConfig(nothing=0, lead=0, part=0, others=1, window=0)


@pytest.fixture
def stream(corpus, monkeypatch):
    """Make a stream over the eight songs. Few given notes fit a chunk: many chunks are cut short."""
    pieces = Corpus(corpus)
    monkeypatch.setattr(truncated_bptt, "MAX_GIVEN", 8)
    config = CodecConfig(styles=pieces.styles)
    return lambda batch, **settings: Stream(
        pieces, config, settings.pop("pieces", list(range(8))), batch, **{"chunk": 40, "given": GivenConfig(causal=0.5), **settings}
    )


@pytest.mark.slow
@pytest.mark.parametrize("world", [2, 3, 6])
def test_rows_are_the_same_however_they_are_shared(stream, world):
    """Several processes see together what one sees; and any number may go on from where another stands."""
    each = 6 // world
    alone, parts = stream(6), [stream(each, first=r * each, total=6) for r in range(world)]
    for batch in islice(alone, 60):
        for part in parts:
            own = part._batch()
            count, given, mine = len(own.valid), len(own.given), slice(part.first, part.first + each)
            assert all((whole[: count + 1, mine] == part_of).all() for whole, part_of in zip(batch.steps, own.steps, strict=True))
            assert (batch.valid[:count, mine] == own.valid).all() and not batch.valid[count:, mine].any()
            assert (batch.given[:given, mine] == own.given).all() and not batch.given[given:, mine].any()
            assert all((getattr(batch, n)[mine] == getattr(own, n)).all() for n in ("piece", "reset", "parts", "conditions", "causal"))
    rows = [row for part in parts for row in part.position["rows"]]
    assert alone.position == {"rows": rows} and max(place for place, _ in rows) >= 8  # some rows are in another epoch
    again = stream(6)
    again.position = {"rows": rows}
    for a, b in islice(zip(alone, again, strict=False), 5):
        assert same(a, b)


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 8, 9, 20])
def test_every_epoch_has_every_piece_once(stream, rows):
    """However many rows there are; those that run dry are padding."""
    seen = Counter()
    for batch in stream(rows, epochs=2):
        seen.update(batch.piece[batch.reset].tolist())
        assert not batch.valid[:, batch.piece < 0].any()
    assert seen == Counter(dict.fromkeys(range(8), 2))


def test_rows_that_go_on_are_padded_to_the_chunk(stream):
    """A row's state reads its padding: how much there is must not depend on its neighbours."""
    lengths = [(len(b.valid), int(b.valid.sum())) for b in stream(1, pieces=[2], given=DENSE, augment=AugmentConfig.none(), epochs=1)]
    assert len(lengths) > 2 and all(length == 40 > count for length, count in lengths[:-1])
    assert lengths[-1][0] == lengths[-1][1]


@pytest.mark.parametrize(
    "rows", [[[0, 0]], [[0, 0, 0], [1, 0, 0]], [[1, 0], [0, 0]], [[-2, 0], [1, 0]], [[0, -1], [1, 0]], [[0, 10**6], [1, 0]]]
)
def test_a_position_that_cannot_be_is_refused(stream, rows):
    with pytest.raises(ValueError):  # noqa: PT011  # who resumes a run says the same of them all
        stream(2).position = {"rows": rows}
