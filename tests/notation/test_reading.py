"""Reading by content; MusicXML as others write it; what is broken or hostile is one line."""

import io
import zipfile

import pytest

from melody import midi, notation
from melody.compose.tune import Tune
from melody.errors import CallError, MelodyError
from melody.score import Score, Track, note_table

PIECE = Score((Track("tune", notes=note_table([0, 480], [480, 480], [60, 64], [80, 80])),))


def xml(body: str, parts: str = '<score-part id="P1"><part-name>A</part-name></score-part>') -> bytes:
    return f"<score-partwise><part-list>{parts}</part-list>{body}</score-partwise>".encode()


def note(step: str, octave: int, duration: int, more: str = "", alter: float = 0) -> str:
    sign = f"<alter>{alter}</alter>" if alter else ""
    return f"<note>{more}<pitch><step>{step}</step>{sign}<octave>{octave}</octave></pitch><duration>{duration}</duration></note>"


def notes(score: Score, track: int = 0) -> list[tuple[float, float, int]]:
    """(onset, duration, pitch) in quarter notes."""
    rows, unit = score.tracks[track].notes, score.ticks_per_quarter
    return [(r["onset"] / unit, r["duration"] / unit, int(r["pitch"])) for r in rows]


def packed(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "/").replace("_xml", ".xml"), data)
    return out.getvalue()


ABC = b"X:1\nT:a\nL:1/4\nK:G\nGABc|"


def test_the_content_decides(tmp_path) -> None:
    written = notation.to_musicxml(PIECE)
    wide = written.decode().replace("UTF-8", "UTF-16").encode("utf-16")
    for data in (midi.to_bytes(PIECE), written, packed(score_xml=written), ABC, wide):
        path = tmp_path / "any.mid"
        path.write_bytes(data)
        count = 4 if data == ABC else 2
        assert notation.read(path).note_count == notation.parse(data).note_count == count
        assert notation.as_score(io.BytesIO(data)).note_count == Tune.of(data).score.note_count == count
        assert Tune.of(path).name == "any.mid"


def test_other_things_are_as_for_midi() -> None:
    assert notation.as_score(PIECE) == PIECE
    with pytest.raises(CallError, match="tune is of type NoneType"):
        notation.as_score(None)
    with pytest.raises(CallError, match="empty path"):
        notation.as_score("")
    with pytest.raises(MelodyError, match="not a MIDI file"):
        notation.parse(b"no music")


def test_backup_forward_chords_and_grace_notes() -> None:
    voice = "<attributes><divisions>2</divisions><time><beats>3</beats><beat-type>4</beat-type></time></attributes>"
    voice += note("C", 4, 4) + note("E", 4, 4, "<chord/>") + note("D", 4, 2, "<grace/>") + note("F", 4, 2, alter=1)
    voice += "<backup><duration>6</duration></backup><forward><duration>3</duration></forward>" + note("B", 3, 3, alter=-1)
    score = notation.parse(xml(f'<part id="P1"><measure>{voice}</measure></part>'))
    assert notes(score) == [(0, 2, 60), (0, 2, 64), (1.5, 1.5, 58), (2, 1, 66)]
    assert score.meters[["numerator", "denominator"]].tolist() == [(3, 4)]


def test_ties_dynamics_and_tempo() -> None:
    head = (
        "<attributes><divisions>1</divisions></attributes><direction><direction-type><dynamics><f/></dynamics></direction-type></direction>"
    )
    first = head + note("C", 4, 4, '<tie type="start"/>')
    second = '<sound tempo="90"/>' + note("C", 4, 4, '<tie type="stop"/><tie type="start"/>')
    speed = "<metronome><beat-unit>half</beat-unit><per-minute>60</per-minute></metronome>"
    third = f"<direction><direction-type>{speed}</direction-type></direction>"
    third += note("C", 4, 1, '<tie type="stop"/>') + note("C", 4, 3)
    bars = "".join(f"<measure>{m}</measure>" for m in (first, second, third))
    score = notation.parse(xml(f'<part id="P1">{bars}</part>'))
    assert notes(score) == [(0, 9, 60), (9, 3, 60)]
    assert score.tracks[0].notes["velocity"].tolist() == [96, 96]
    assert score.tempi["mspq"].tolist() == [500_000, 666_667, 500_000]


def test_a_transposing_instrument_sounds_as_it_sounds_and_drums_are_drums() -> None:
    device = '<midi-instrument id="a"><midi-program>72</midi-program></midi-instrument>'
    parts = f'<score-part id="P1"><part-name>Clarinet</part-name>{device}</score-part>'
    parts += '<score-part id="P2"><part-name>Kit</part-name></score-part>'
    transposed = (
        "<attributes><divisions>1</divisions><key><fifths>2</fifths></key><transpose><chromatic>-2</chromatic></transpose></attributes>"
    )
    hit = "<note><unpitched><display-step>C</display-step><display-octave>5</display-octave></unpitched><duration>4</duration></note>"
    body = f'<part id="P1"><measure>{transposed}{note("D", 5, 4)}</measure></part><part id="P2"><measure>{hit}</measure></part>'
    score = notation.parse(xml(body, parts))
    assert [(t.name, t.program, t.is_drum) for t in score.tracks] == [("Clarinet", 71, False), ("Kit", 0, True)]
    assert notes(score) == [(0, 4, 72)] and notes(score, 1) == [(0, 4, 38)]


def test_timewise_is_the_same() -> None:
    part = '<part id="P1">' + note("C", 4, 4) + "</part>"
    data = f'<score-timewise><part-list><score-part id="P1"/></part-list><measure number="1">{part}</measure></score-timewise>'
    assert notes(notation.parse(data.encode())) == [(0, 4, 60)]


def test_pickups_bars_split_by_a_repeat_and_left_out_rests() -> None:
    meter = "<attributes><divisions>1</divisions><time><beats>4</beats><beat-type>4</beat-type></time></attributes>"
    bars = [
        ("", meter + note("C", 4, 1)),
        ("", note("D", 4, 3)),
        (' implicit="yes"', note("E", 4, 1)),
        ("", note("F", 4, 2)),
        ("", note("G", 4, 4)),
    ]
    body = "".join(f"<measure{kind}>{content}</measure>" for kind, content in bars)
    score = notation.parse(xml(f'<part id="P1">{body}</part>'))
    assert [n[0] for n in notes(score)] == [0, 1, 4, 5, 9]
    unit = score.ticks_per_quarter
    assert score.meters.tolist() == [(0, 1, 4), (unit, 4, 4)]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"<html></html>", "not MusicXML"),
        (b"<score-partwise>", "damaged XML"),
        (xml(""), "no notes"),
        (b"<" + b"a" * 100, "damaged XML"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><score-partwise>&b;</score-partwise>', "declares entities"),
        (b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>', "declares entities"),
        (b"<a>" * 100, "inside each other"),
        (packed(a_txt=b"x"), "not a .mxl file"),
        (b"PK\3\4 nothing", "damaged .mxl"),
        (packed(score_xml=b"<a>" + b" " * (17 << 20) + b"</a>"), "unpacks to more than the limit"),
        (packed(score_xml=xml("")), "no notes"),
        (b"X:1\nK:C\n", "no notes"),
    ],
)
def test_what_is_broken_or_hostile_is_one_line(data, words) -> None:
    with pytest.raises(MelodyError, match=words) as said:
        notation.parse(data, "a.xml")
    assert str(said.value).startswith("a.xml: ") and "\n" not in str(said.value)


def test_numbers_without_sense() -> None:
    for divisions, duration in (("0", "1"), ("1e99", "1"), ("1", "1e999999"), ("x", "y"), ("1", "9" * 30), ("-4", "-1"), ("1", "99999999")):
        data = f"<measure><attributes><divisions>{divisions}</divisions></attributes>{note('C', 4, 0)}".replace(
            "<duration>0", f"<duration>{duration}"
        )
        try:
            notation.parse(xml(f'<part id="P1">{data}{note("C", 5, 1)}</measure></part>'))
        except MelodyError as fault:
            assert "\n" not in str(fault)


def test_more_notes_than_allowed() -> None:
    data = xml(f'<part id="P1"><measure>{note("C", 4, 1) * 11}</measure></part>')
    assert notation.parse(data, limits=midi.Limits(max_notes=11)).note_count == 11
    with pytest.raises(MelodyError, match="limit of 10 notes"):
        notation.parse(data, limits=midi.Limits(max_notes=10))
    with pytest.raises(MelodyError, match="limit of 3 notes"):
        notation.parse(ABC, limits=midi.Limits(max_notes=3))


def test_bytes_turned_over() -> None:
    """A file with any byte changed is a piece or one line."""
    data = notation.to_musicxml(PIECE)
    for place in range(0, len(data), 23):
        for value in (0, 0x3C, 0xFF):
            try:
                notation.parse(data[:place] + bytes([value]) + data[place + 1 :])
            except MelodyError as fault:
                assert "\n" not in str(fault)


def test_chord_symbols_are_markers() -> None:
    """A bar of F and Bb minor over D flat, the second on the third quarter; a kind that nobody knows is left out."""
    chord = "<harmony><root><root-step>{}</root-step>{}</root><kind>{}</kind>{}</harmony>"
    flat = "<root-alter>-1</root-alter>"
    below = "<bass><bass-step>D</bass-step><bass-alter>-1</bass-alter></bass>"
    body = (
        "<attributes><divisions>1</divisions></attributes>"
        + chord.format("F", "", "major-seventh", "")
        + note("F", 4, 2)
        + chord.format("B", flat, "minor", below)
        + chord.format("C", "", "Tristan", "")
        + note("B", 4, 2, alter=-1)
    )
    score = notation.parse(xml(f'<part id="P1"><measure>{body}</measure></part>'))
    assert [(tick / score.ticks_per_quarter, text) for tick, text in score.markers] == [(0, "Fmaj7"), (2, "Bbm/Db")]
