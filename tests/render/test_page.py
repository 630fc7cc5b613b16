"""Pages stand alone: well-formed, escaped, nothing fetched, no script but their own."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from melody import midi
from melody.render import charts, page
from melody.render.page_run import run_page
from melody.render.page_surprise import ShadedNote, colour, surprise_page, surprise_picture, surprise_roll
from melody.score import Score, Track, note_table

EVIL = "<script>alert('&\")</script>\x00\ud800"
VOID = {"meta", "br", "img"}


class Checker(HTMLParser):
    """Keeps what is open, and every attribute."""

    def __init__(self):
        super().__init__()
        self.open, self.attributes, self.tags = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def checked(text):
    """The page is well-formed and needs nothing from outside."""
    text.encode("utf-8")
    checker = Checker()
    checker.feed(text)
    assert checker.open == [] and checker.tags.count("script") == 1
    for name, value in checker.attributes:
        assert not name.startswith("on")
        if name in ("src", "href"):
            assert value.startswith("data:")
    assert "http:" not in text.replace("http://www.w3.org/2000/svg", "") and "https:" not in text
    script = re.search(r"<script>(.*?)</script>", text, re.DOTALL).group(1)
    assert base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() in text
    return text


@pytest.fixture
def score(songs):
    return midi.read(songs / "pop909" / "0.mid")


def test_everything_is_escaped(score):
    named = Score((Track(EVIL, notes=score.tracks[0].notes), Track(EVIL, is_drum=True, notes=score.tracks[1].notes)), 480)
    body = [page.paragraph(EVIL), page.heading(EVIL), page.table([EVIL], [[EVIL, 1, 0.5, None]]), page.piece(named, EVIL)]
    body += [charts.bars([EVIL, "b"], {EVIL: [1, None], "y": [0.5, 2]}, EVIL), charts.lines({EVIL: [(0, 1), (1, 2)]}, EVIL, x=EVIL)]
    text = checked(page.page(EVIL, body))
    assert "alert" in text and "<script>alert" not in text and "prefers-color-scheme: dark" in text


def test_a_piece_can_be_taken_away(score):
    found = re.search(r"base64,([^\"]+)", page.piece(score, "x")).group(1)
    assert midi.parse(base64.b64decode(found)).note_count == score.note_count
    assert "data-notes='[[0," in page.piece(score, "x")
    assert "<button" not in page.piece(Score(), "empty")


@pytest.mark.parametrize("points", [[], [(1, 1)], [(0, 2), (1, 2)], [(0, float("nan")), (1, 5)], [(0, 1e-9), (1, 1e9)], [(0, -1), (1, 1)]])
@pytest.mark.parametrize("log", [False, True])
def test_curves_of_any_kind(points, log):
    out = charts.lines({"a": points, "b": []}, "title", x="step", log=log)
    assert "nan" not in out and "inf" not in out
    if out:
        ElementTree.fromstring(re.search("<svg.*</svg>", out, re.DOTALL).group(0))  # an error if it is not well-formed


def test_curves_do_not_touch_the_edge():
    out = charts.lines({"a": [(0, 1), (1, 3)]}, "title")
    bottom = float(re.search(r'class="axis" d="M\d+ ([\d.]+)H', out).group(1))  # the first one is the base line
    low, high = (float(y) for y in re.search(r'class="curve s0" d="M[\d.]+ ([\d.]+)L[\d.]+ ([\d.]+)"', out).groups())
    assert bottom > low + 3 > high + 50 and high > 35


def test_ticks_are_round():
    assert charts.ticks(0, 1) == [0, 0.2, 0.4, 0.6, 0.8, 1.0] and charts.ticks(3, 3) == [3]
    assert charts.ticks(0, 9731) == [0, 2000, 4000, 6000, 8000]


def test_the_page_of_a_run(score):
    rows = [
        {"step": s, "nats": 9 - s / 100, "norm": 1 + s % 7, "rate": 1e-3, "notes_per_second": 500.0, "notes": s} for s in range(0, 900, 10)
    ]
    rows[50] |= {"valid": {"total": 4.2, "pitch": 2.0}, "seconds": 60}
    rows[-1] |= {"valid": {"total": 4.0, "pitch": 1.9}, "seconds": 90, "skipped": 3, "notice": EVIL}
    text = checked(run_page(rows, {880: [score]}, EVIL))
    assert text.count("<svg") == 6 and "4.000" in text and "3 updates skipped" in text and "1.5 minutes" in text
    checked(run_page([], {}, "new"))
    checked(run_page([{"step": 1}], None, "one"))
    assert len(run_page([{"step": s, "nats": 1.0 + s} for s in range(100_000)])) < 100_000


def test_the_roll_of_surprise(score, tmp_path):
    notes = [ShadedNote(24 * i, 24, 60 + i % 12, i / 3, f"{EVIL} {i}", i / 5) for i in range(80)]
    lines = list(range(0, 96 * 21, 96))
    text = checked(surprise_page(EVIL, score, notes, lines, {"total": 3.0}))
    assert text.count("<title>") >= 80 and 'fill="#' in text
    assert colour(0) == "#4477aa" and colour(99) == colour(12) == "#cc3350" and colour(-1) == colour(0)
    alone = surprise_roll(notes, lines, alone=True)
    assert len(ElementTree.fromstring(alone).findall(".//{http://www.w3.org/2000/svg}rect")) == 80 + 3
    surprise_picture(tmp_path / "roll.png", "a $tune", notes, lines)
    assert (tmp_path / "roll.png").read_bytes().startswith(b"\x89PNG")
    assert surprise_roll([ShadedNote(0, 1, 60, 1.0, "x")], [0, 96]).count("<rect") == 2


@pytest.mark.parametrize("is_drum", [False, True])
def test_every_note_of_a_roll_lies_in_it(is_drum):
    for onset, duration in (([0], [0]), ([0, 960], [960, 0]), ([0, 0, 959], [0, 960, 1]), ([10**9], [0])):
        notes = note_table(onset, duration, [60] * len(onset), [80] * len(onset))
        shapes = re.findall(r"M([\d.]+) ([\d.]+)h([\d.]+)v([\d.]+)", page.roll(Score((Track(is_drum=is_drum, notes=notes),))))
        assert len(shapes) == len(onset)
        for x, y, width, height in (map(float, shape) for shape in shapes):
            assert width >= 1 and 0 <= x <= x + width <= page.ROLL[0] and 0 <= y <= y + height <= page.ROLL[1]


def test_a_note_table_without_pitches():
    drums = Score((Track(is_drum=True, notes=note_table([0], [1], [38], [80])),))
    assert "<path" in page.roll(drums) and "<svg" in page.roll(Score())
