"""Markers: written with a Score, read back, exchanged in a file that is otherwise left as it was."""

from dataclasses import replace

from melody import edit, midi
from melody.score import Score, Track, note_table

MARKED = ((0, "section A"), (0, "Am7"), (480, "F/C"))
PIECE = Score((Track("tune", notes=note_table([0, 480], [480, 480], [60, 64], [80, 80])),), markers=MARKED)


def test_markers_are_read_back():
    again = midi.parse(midi.to_bytes(PIECE))
    assert again == PIECE and midi.markers(again) == MARKED


def test_a_file_with_other_markers_is_otherwise_the_same():
    data = midi.to_bytes(PIECE)
    read = midi.parse(data)
    assert midi.to_bytes(read) == data
    other = midi.to_bytes(replace(read, markers=((0, "section A"), (240, "Gm"))))
    assert midi.markers(midi.parse(other)) == ((0, "section A"), (240, "Gm"))
    back = midi.parse(midi.to_bytes(replace(midi.parse(other), markers=read.markers)))
    assert back == read and sorted(back.markers) == sorted(read.markers)


def test_texts_and_cues_count_where_they_are_asked_for():
    body = b"\x00\xff\x01\x01C\x00\xff\x07\x02Dm\x00\xff\x06\x01G\x00\x90\x3c\x50\x60\x80\x3c\x00\x00\xff\x2f\x00"
    data = bytes.fromhex("4d546864 00000006 0000 0001 0060 4d54726b".replace(" ", "")) + len(body).to_bytes(4, "big") + body
    score = midi.parse(data)
    assert midi.markers(score) == ((0, "G"),)
    assert sorted(text for _, text in midi.markers(score, texts=True)) == ["C", "Dm", "G"]


def test_names_that_are_no_text_and_long_ones_do_no_harm():
    odd = replace(PIECE, markers=((0, "\x00\n"), (0, "é" * 200), (480, "ok")))
    assert [text for _, text in midi.parse(midi.to_bytes(odd)).markers][-1] == "ok"


def test_markers_move_with_time():
    assert edit.shift(PIECE, 480).markers == ((480, "section A"), (480, "Am7"), (960, "F/C"))
    assert edit.cut(PIECE, 480, 960).markers == ((0, "F/C"),)
