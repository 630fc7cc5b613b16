"""The piano roll: files that open, notes where they belong, odd pieces drawn without a fault."""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from melody import render
from melody.errors import CallError, MelodyError
from melody.render import pianoroll, style
from melody.score import Score, Track, meter_table, note_table

matplotlib = pytest.importorskip("matplotlib", reason="matplotlib is not installed")


def band(bars: int = 5) -> Score:
    """A tune, a bass and drums."""
    count = bars * 4
    onset = np.arange(count) * 480
    tune = Track("Melody $x_", 73, False, note_table(onset, np.full(count, 480), 72 + onset // 480 % 5, 40 + onset // 480))
    bass = Track("", 33, False, note_table(onset, np.full(count, 960), np.full(count, 40), np.full(count, 90)))
    kit = Track("", 0, True, note_table(onset, np.full(count, 60), np.resize([35, 36, 42, 81], count), np.full(count, 90)))
    return Score((bass, tune, kit))


def test_png_and_svg_open(tmp_path: Path) -> None:
    render.roll(band(), tmp_path / "a.png", title="A title <&>")
    image = matplotlib.image.imread(tmp_path / "a.png")
    assert image.shape[1] == pianoroll.WIDTH * pianoroll.DPI
    assert len(np.unique(image.reshape(-1, image.shape[2]), axis=0)) > 20  # not a white page
    render.roll(band(), tmp_path / "A.SVG")
    assert ElementTree.parse(tmp_path / "A.SVG").getroot().tag.endswith("svg")
    assert len(list(tmp_path.iterdir())) == 2


def test_same_piece_draws_the_same_picture(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "a.svg", "b.svg"):
        render.roll(band(2), tmp_path / name)
    for kind in ("png", "svg"):
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()


def test_rectangles_are_the_notes() -> None:
    score = band(1)
    lead = style.voices(score)[0]
    assert lead.label == "Melody $x_ (Flute)"
    boxes = pianoroll.rectangles(lead, score, 0, {})
    assert boxes.shape == (4, 4, 2)
    assert boxes[:, 0, 0].tolist() == [0, 480, 960, 1440]
    assert boxes[:, :, 1].mean(axis=1).tolist() == pytest.approx([72, 73, 74, 75])


def test_the_louder_the_darker() -> None:
    onset = np.arange(4) * 480
    score = Score((Track("", 0, False, note_table(onset, np.full(4, 480), np.full(4, 60), [1, 40, 80, 127])),))
    (axes,) = pianoroll.draw(score).axes
    notes = max(axes.collections, key=lambda c: c.get_zorder())
    shades = notes.get_facecolor()[:, :3].mean(axis=1)
    assert (np.diff(shades) < 0).all()
    assert notes.get_facecolor()[-1, :3] == pytest.approx(matplotlib.colors.to_rgb(style.COLOURS[0]))


@pytest.mark.parametrize("is_drum", [False, True])
@pytest.mark.parametrize("last", [(7680, 0), (7679, 0), (7679, 1), (0, 0)])
def test_a_last_note_of_no_length_is_on_the_paper(last: tuple[int, int], is_drum: bool) -> None:
    onset, duration = ([*range(0, 7680, 480), last[0]], [480] * 16 + [last[1]]) if last[0] else ([0], [0])
    score = Score((Track("", 0, is_drum, note_table(onset, duration, [60] * len(onset), [80] * len(onset))),))
    starts = pianoroll.row_starts(score)
    left, right = pianoroll.rectangles(style.voices(score)[0], score, 0, style.drum_lanes(score))[-1, :2, 0]
    assert starts.tolist() == [0, 7680]
    assert 0 <= left < right <= 7680
    assert right - left > 38  # 0.08 of a quarter


def test_drums_of_one_name_share_a_lane() -> None:
    assert style.drum_lanes(band()) == {35: 0, 36: 0, 42: 1, 81: 2}


def test_rows_are_whole_bars_and_cover_the_piece() -> None:
    for bars in (1, 5, 40, 700):
        starts = pianoroll.row_starts(band(bars))
        assert starts[0] == 0
        assert (np.diff(starts) > 0).all()
        assert starts[-1] >= 1920 * bars
        assert len(starts) - 1 <= pianoroll.MAX_ROWS


@pytest.mark.parametrize(
    "score",
    [
        Score(),
        Score((Track("\x1b[31m\0", 5, notes=note_table([7], [0], [127], [1])),)),
        Score((Track(is_drum=True, notes=note_table([0], [10], [3], [9])),)),
        Score((Track("你好", notes=note_table([0, 5000], [10, 10], [0, 127], [9, 9])),), meters=meter_table([0, 700], [7, 1], [8, 32])),
    ],
    ids=["empty", "odd name", "drums only", "wide"],
)
def test_odd_pieces_draw(score: Score, tmp_path: Path) -> None:
    render.roll(score, tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 1000


def test_errors(tmp_path: Path) -> None:
    with pytest.raises(CallError, match=r"\.png or \.svg"):
        render.roll(band(), tmp_path / "a.jpg")
    with pytest.raises(MelodyError, match="cannot be written"):
        render.roll(band(1), tmp_path / "missing" / "a.png")
