"""Pages of HTML that stand alone: one file, offline, nothing fetched, light or dark as the reader's system is.

Whatever a page shows (names of styles come from folders, names of tracks from files) is escaped by ``charts.text``; ``page``
forbids every script but its own, by a hash, should that ever fail.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence

import numpy as np

from melody.render.charts import number, text
from melody.render.style import Voice, drum_lanes, pitch_range, voices
from melody.score import Score
from melody.theory import bar_ticks

ROLL = (760, 170)  # width and height of a small roll
MAX_PLAYED = 4000  # notes of a piece that a page can play
MAX_LINES = 64  # bar lines of a small roll

STYLE = """
:root { color-scheme: light dark; --ink: #23232b; --dim: #6b6b78; --line: #d9d9e0; --paper: #fff; --card: #f6f6f9;
  --c0: #0072b2; --c1: #d55e00; --c2: #009e73; --c3: #cc79a7; --c4: #b98500; --c5: #3d95cf; --c6: #8c564b; --c7: #7f7f7f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e6ec; --dim: #9c9cab; --line: #3a3a45; --paper: #17171c; --card: #202028;
  --c0: #56b4e9; --c1: #f08b3c; --c2: #2fc69a; --c3: #e39cc6; --c4: #e0b23a; --c5: #8fcdf5; --c6: #c09488; --c7: #a5a5ae; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
body { max-width: 1080px; margin: 2em auto; padding: 0 1em; } h1 { font-size: 1.6em; }
h2 { font-size: 1.2em; margin-top: 2em; border-bottom: 1px solid var(--line); } h3 { font-size: 1em; margin-bottom: .2em; }
p, figcaption { color: var(--dim); } a { color: var(--c0); }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .6em 0; }
th, td { padding: .15em .8em; text-align: right; border-bottom: 1px solid var(--line); } th { color: var(--dim); font-weight: 500; }
th:first-child, td:first-child { text-align: left; padding-left: 0; } .wide { overflow-x: auto; }
figure { margin: .8em 1em .8em 0; display: inline-block; vertical-align: top; max-width: 100%; }
svg { max-width: 100%; height: auto; }
svg text { font: 11px system-ui, sans-serif; fill: var(--dim); } .axis { stroke: var(--line); stroke-width: 1; }
.card { fill: var(--card); }
.curve { fill: none; stroke-width: 1.6; } .ideal { stroke: var(--dim); stroke-dasharray: 4 4; }
button { font: inherit; color: var(--ink); background: var(--card); border: 1px solid var(--line); border-radius: 4px; cursor: pointer; }
""" + "".join(f".s{i} {{ stroke: var(--c{i}); }} .f{i} {{ fill: var(--c{i}); }}\n" for i in range(8))

# Plays the notes of a roll as simple tones: [start, length (ms), pitch, velocity, drums].
SCRIPT = """
let audio = null, playing = null;
function stop() { if (audio) audio.close(); audio = null; if (playing) playing.textContent = 'play'; playing = null; }
function play(button) {
  const same = playing === button; stop(); if (same) return;
  const notes = JSON.parse(button.dataset.notes); playing = button; button.textContent = 'stop';
  audio = new AudioContext(); const mine = audio, out = audio.createGain(), begin = audio.currentTime + 0.1; let next = 0;
  const over = notes.reduce((latest, [at, length]) => Math.max(latest, at + length), 0);
  out.gain.value = 0.25; out.connect(audio.createDynamicsCompressor()).connect(audio.destination);
  const hiss = audio.createBuffer(1, audio.sampleRate / 5, audio.sampleRate), data = hiss.getChannelData(0);
  for (let i = 0; i < data.length; i++) data[i] = Math.random() * 2 - 1;
  function schedule() {
    if (audio !== mine) return;
    while (next < notes.length && begin + notes[next][0] / 1000 < mine.currentTime + 1) {
      const [at, length, pitch, velocity, drum] = notes[next++], t = begin + at / 1000;
      const end = Math.max(t + (drum ? 0.12 : length / 1000), t + 0.03);
      const source = drum ? mine.createBufferSource() : mine.createOscillator(), gain = mine.createGain();
      if (drum) source.buffer = hiss; else { source.type = 'triangle'; source.frequency.value = 440 * 2 ** ((pitch - 69) / 12); }
      gain.gain.setValueAtTime(0, t); gain.gain.linearRampToValueAtTime((velocity / 127) ** 1.5, t + 0.008);
      gain.gain.exponentialRampToValueAtTime(0.02, end); gain.gain.linearRampToValueAtTime(0, end + 0.05);
      source.connect(gain).connect(out); source.start(t); source.stop(end + 0.1);
    }
    if (next < notes.length) setTimeout(schedule, 300);
    else setTimeout(() => { if (audio === mine) stop(); }, 1000 * (begin + over / 1000 - mine.currentTime) + 500);
  }
  schedule();
}
document.addEventListener('click', e => { if (e.target.dataset && e.target.dataset.notes) play(e.target); });
"""


def page(title: str, body: Sequence[str]) -> str:
    """A whole page. ``body``: pieces of HTML that are already escaped."""
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src data:"
    head = (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}">'
        f'<meta name="viewport" content="width=device-width"><title>{text(title)}</title><style>{STYLE}</style></head><body>'
    )
    return "\n".join([head, f"<h1>{text(title)}</h1>", *body, f"<script>{SCRIPT}</script></body></html>\n"])


def paragraph(value: str) -> str:
    """A paragraph of plain text."""
    return f"<p>{text(value)}</p>"


def heading(value: str, level: int = 2) -> str:
    """A heading of plain text."""
    return f"<h{level}>{text(value)}</h{level}>"


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table; numbers that are not whole have three digits, None is a dash."""
    head = "".join(f"<th>{text(h)}</th>" for h in header)
    body = "".join("<tr>" + "".join(f"<td>{text(number(c))}</td>" for c in row) + "</tr>\n" for row in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def piece(score: Score, title: str) -> str:
    """A piece as a small piano roll that can be played and taken away as a MIDI file."""
    from melody import midi

    link = base64.b64encode(midi.to_bytes(score)).decode()
    facts = f"{score.note_count:,} notes, {score.duration_seconds:.0f} s"
    tools = f'<a download="{text(title)}.mid" href="data:audio/midi;base64,{link}">MIDI</a>'
    if 0 < score.note_count <= MAX_PLAYED:
        tools = f"<button data-notes='{json.dumps(_played(score), separators=(',', ':'))}'>play</button> " + tools
    return f"<figure>{roll(score)}<figcaption>{text(title)}: {facts} {tools}</figcaption></figure>"


def _played(score: Score) -> list[list[int]]:
    """[start, length in ms, pitch, velocity, drums] in order of time."""
    rows = []
    for track in score.tracks:
        start = score.seconds(track.notes["onset"]) * 1000
        length = score.seconds(track.notes["onset"] + track.notes["duration"]) * 1000 - start
        columns = (start, length, track.notes["pitch"], track.notes["velocity"])
        rows += [[*(int(v) for v in note), int(track.is_drum)] for note in zip(*columns, strict=True)]
    return sorted(rows)


def roll(score: Score, size: tuple[int, int] = ROLL) -> str:
    """A small piano roll as SVG: a colour a track, drums in lanes below, bar lines."""
    width, height = size
    lanes = drum_lanes(score)
    low, high = pitch_range(score)
    floor = low - 1.5 * (1 + max(lanes.values())) if lanes else low
    scale = height / (high - floor + 2)
    end = max(score.end_tick, 1)
    lines = bar_ticks(score)
    lines = lines[:: -(-len(lines) // MAX_LINES) or 1]
    bars = "".join(f"M{x:.1f} 0V{height}" for x in (lines * width / end).tolist())
    shapes = [f'<rect class="card" width="{width}" height="{height}"/><path class="axis" d="{bars}"/>']
    for voice in reversed(voices(score)):
        boxes = _boxes(voice, lanes, (low, high), scale, end, width)
        shapes.append(f'<path fill="{voice.colour}" d="{boxes}"><title>{text(voice.label)}</title></path>')
    return f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">{"".join(shapes)}</svg>'


def _boxes(voice: Voice, lanes: dict[int, int], span: tuple[int, int], scale: float, end: int, width: int) -> str:
    (low, high), per_tick = span, width / end
    notes, drums = voice.track.notes, voice.track.is_drum
    pitch = np.array([low - 1.5 * (1 + lanes[p]) for p in notes["pitch"].tolist()]) if drums else notes["pitch"].astype(float)
    long = np.full(len(notes), 2.0) if drums else np.maximum(notes["duration"] * per_tick - 0.4, 1.0)
    x, y = np.minimum(notes["onset"] * per_tick, width - long), (high - pitch + 0.6) * scale  # a last note of no length is seen
    return "".join(f"M{a:.1f} {b:.1f}h{w:.1f}v{0.8 * scale:.1f}h-{w:.1f}z" for a, b, w in zip(x, y, long, strict=True))
