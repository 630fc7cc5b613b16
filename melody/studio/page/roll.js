// The piano roll: a canvas that shows what is in view, in a box that scrolls as any other. Draws, and knows where things are; changes nothing.

import { barAt, barsOf, endOf, pitchName } from "./music.js";
import { GUTTER, drawRuler, spanOf } from "./ruler.js";

/** @typedef {import("./state.js").State} State */
/** @typedef {import("./music.js").Note} Note */

const SPARE = 8; // bars to the right of the music that can be drawn into
const BLACK = new Set([1, 3, 6, 8, 10]);
const [MIN_ZOOM, MAX_ZOOM] = [2, 240]; // pixels a quarter note

/** The colour of a part. @param {number} track */
export const colourOf = (track) => getComputedStyle(document.documentElement).getPropertyValue(`--part-${track % 8}`).trim();

/**
 * @param {HTMLElement} box the element that scrolls
 * @param {HTMLElement} space what gives it its size
 * @param {HTMLCanvasElement} canvas
 * @param {HTMLCanvasElement} ruler
 * @param {() => State} get
 * @param {() => number} playhead tick
 */
export function createRoll(box, space, canvas, ruler, get, playhead) {
  const view = { zoom: 36, row: 11, left: 0, top: 0 }; // pixels a quarter note, a semitone; how far it is scrolled
  let wanted = false;
  let shownSize = "";
  /** @type {{[name: string]: string}} */
  let ink = {};
  /** @type {string[]} */
  let colours = [];
  let marquee = /** @type {{x: number, y: number, w: number, h: number} | null} */ (null);

  /** Colours are those of the style sheet, read again when light becomes dark. */
  function restyle() {
    const style = getComputedStyle(document.documentElement);
    for (const name of ["paper", "key-black", "line", "line-strong", "ink", "ink-soft", "accent", "accent-soft", "keys", "surface"]) ink[name] = style.getPropertyValue(`--${name}`).trim();
    colours = Array.from({ length: 8 }, (_, i) => colourOf(i));
    redraw();
  }

  /** @param {number} tick */
  const x = (tick) => GUTTER + (tick / get().song.ticks) * view.zoom - view.left;
  /** @param {number} pitch */
  const y = (pitch) => (127 - pitch) * view.row - view.top;
  /** @param {number} px inside the canvas */
  const tickOf = (px) => Math.max(0, ((px - GUTTER + view.left) / view.zoom) * get().song.ticks);
  /** @param {number} py inside the canvas */
  const pitchOf = (py) => Math.min(127, Math.max(0, 127 - Math.floor((py + view.top) / view.row)));

  /** To ask the box once and not for every note saves most of the time. */
  function scrolled() {
    view.left = box.scrollLeft;
    view.top = box.scrollTop;
  }

  /** The last tick that the roll shows. @param {State} state */
  function extent(state) {
    let end = endOf(state.song);
    for (const { note } of state.arriving) end = Math.max(end, note[0] + note[1]);
    const bars = barsOf(state.song, end + 1);
    const last = bars[bars.length - 1];
    return last.tick + last.length * (1 + SPARE);
  }

  /** The note at a place of the canvas, the part that is written into first. @param {number} px @param {number} py @returns {[Note, number] | null} */
  function noteAt(px, py) {
    const { song, track } = get();
    const order = [track, ...song.tracks.keys()].filter((t) => t < song.tracks.length);
    const [tick, pitch] = [tickOf(px), pitchOf(py)];
    const slack = (3 / view.zoom) * song.ticks;
    for (const t of order)
      for (const note of song.tracks[t].notes)
        if (note[2] === pitch && tick >= note[0] - slack && tick <= note[0] + Math.max(note[1], slack)) return [note, t];
    return null;
  }

  /** A canvas as sharp as the screen. @param {HTMLCanvasElement} element @param {number} width @param {number} height */
  function sized(element, width, height) {
    const ratio = window.devicePixelRatio || 1;
    const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (element.width !== w || element.height !== h) {
      element.width = w;
      element.height = h;
      element.style.width = `${width}px`;
      element.style.height = `${height}px`;
    }
    const pen = /** @type {CanvasRenderingContext2D} */ (element.getContext("2d"));
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    return pen;
  }

  function draw() {
    wanted = false;
    const state = get();
    const size = `${Math.round(GUTTER + (extent(state) / state.song.ticks) * view.zoom)}px ${128 * view.row}px`;
    if (size !== shownSize) [space.style.width, space.style.height] = (shownSize = size).split(" ");
    scrolled();
    const [width, height] = [box.clientWidth, box.clientHeight];
    const pen = sized(canvas, width, height);
    const right = tickOf(width);
    const bars = barsOf(state.song, right + 1);
    background(pen, state, bars, width, height);
    notes(pen, state, width, height);
    if (state.bars) shade(pen, state, bars, height);
    line(pen, playhead(), height);
    if (marquee) {
      pen.fillStyle = ink["accent-soft"];
      pen.strokeStyle = ink.accent;
      pen.fillRect(marquee.x, marquee.y, marquee.w, marquee.h);
      pen.strokeRect(marquee.x + 0.5, marquee.y + 0.5, marquee.w, marquee.h);
    }
    keyboard(pen, height);
    const high = ruler.clientHeight || 46;
    drawRuler(sized(ruler, width, high), { state, bars, width, height: high, first: barAt(bars, tickOf(GUTTER)), zoom: view.zoom, x, ink });
    line(/** @type {CanvasRenderingContext2D} */ (ruler.getContext("2d")), playhead(), high);
  }

  /** @param {CanvasRenderingContext2D} pen @param {State} state @param {import("./music.js").Bar[]} bars @param {number} width @param {number} height */
  function background(pen, state, bars, width, height) {
    pen.fillStyle = ink.paper;
    pen.fillRect(0, 0, width, height);
    for (let pitch = pitchOf(0); pitch >= pitchOf(height); pitch--) {
      if (BLACK.has(pitch % 12)) {
        pen.fillStyle = ink["key-black"];
        pen.fillRect(GUTTER, y(pitch), width, view.row);
      }
      if (pitch % 12 === 0) {
        pen.fillStyle = ink["line-strong"];
        pen.fillRect(GUTTER, y(pitch) + view.row - 1, width, 1);
      }
    }
    const first = barAt(bars, tickOf(GUTTER));
    const beat = (bars[first]?.beat / state.song.ticks) * view.zoom;
    for (const bar of bars.slice(first)) {
      if (beat > 9)
        for (let tick = bar.tick + bar.beat; tick < bar.tick + bar.length; tick += bar.beat) {
          pen.fillStyle = ink.line;
          pen.fillRect(Math.round(x(tick)), 0, 1, height);
        }
      if ((bar.length / state.song.ticks) * view.zoom > 5) {
        pen.fillStyle = ink["line-strong"];
        pen.fillRect(Math.round(x(bar.tick)), 0, 1, height);
      }
    }
  }

  /** @param {CanvasRenderingContext2D} pen @param {State} state @param {number} width @param {number} height */
  function notes(pen, state, width, height) {
    const [left, right] = [tickOf(GUTTER), tickOf(width)];
    /** @param {Note} note @param {number} track @param {number} strength */
    const one = (note, track, strength) => {
      const [onset, duration, pitch, velocity] = note;
      if (onset > right || onset + duration < left) return;
      const top = y(pitch);
      if (top < -view.row || top > height) return;
      const [from, wide] = [x(onset), Math.max(2.5, (duration / state.song.ticks) * view.zoom - 1)];
      pen.globalAlpha = strength * (0.45 + (0.55 * velocity) / 127);
      pen.fillStyle = colours[track % 8];
      if (wide < 8) pen.fillRect(from, top + 0.5, wide, view.row - 1); // corners would not be seen, and take time
      else {
        pen.beginPath();
        pen.roundRect(from, top + 0.5, wide, view.row - 1, Math.min(3, view.row / 3));
        pen.fill();
      }
      if (state.selected.has(note)) {
        pen.globalAlpha = 1;
        pen.strokeStyle = ink.ink;
        pen.lineWidth = 2;
        pen.strokeRect(from, top + 0.5, wide, view.row - 1);
      }
    };
    const audible = (/** @type {number} */ t) => (state.solo.size ? state.solo.has(t) : !state.muted.has(t));
    const order = [...state.song.tracks.keys()].sort((a, b) => Number(a === state.track) - Number(b === state.track));
    for (const track of order)
      for (const note of state.song.tracks[track].notes) {
        const gone = state.hole !== null && note[0] >= state.hole.from && note[0] < state.hole.to;
        one(note, track, gone ? 0.12 : audible(track) ? 1 : 0.25);
      }
    for (const { note, track } of state.arriving) one(note, track, 0.55);
    pen.globalAlpha = 1;
  }

  /** @param {CanvasRenderingContext2D} pen @param {State} state @param {import("./music.js").Bar[]} bars @param {number} height */
  function shade(pen, state, bars, height) {
    const span = state.bars && spanOf(state.bars, bars);
    if (!span) return;
    pen.fillStyle = ink["accent-soft"];
    pen.fillRect(x(span[0]), 0, x(span[1]) - x(span[0]), height);
  }

  /** @param {CanvasRenderingContext2D} pen @param {number} tick @param {number} height */
  function line(pen, tick, height) {
    const at = Math.round(x(tick));
    if (at < GUTTER) return;
    pen.fillStyle = ink.accent;
    pen.fillRect(at, 0, 2, height);
  }

  /** @param {CanvasRenderingContext2D} pen @param {number} height */
  function keyboard(pen, height) {
    pen.fillStyle = ink.keys;
    pen.fillRect(0, 0, GUTTER, height);
    pen.textBaseline = "middle";
    pen.textAlign = "right";
    pen.font = `${Math.min(11, view.row)}px system-ui, sans-serif`;
    for (let pitch = pitchOf(0); pitch >= pitchOf(height); pitch--) {
      const top = y(pitch);
      if (BLACK.has(pitch % 12)) {
        pen.fillStyle = ink["ink-soft"];
        pen.globalAlpha = 0.55;
        pen.fillRect(0, top + 0.5, GUTTER * 0.52, view.row - 1);
        pen.globalAlpha = 1;
      }
      if (pitch % 12 === 0) {
        pen.fillStyle = ink["ink-soft"];
        pen.fillText(pitchName(pitch), GUTTER - 5, top + view.row / 2);
        pen.fillStyle = ink["line-strong"];
        pen.fillRect(0, top + view.row - 1, GUTTER, 1);
      }
    }
    pen.fillStyle = ink["line-strong"];
    pen.fillRect(GUTTER - 1, 0, 1, height);
  }

  function redraw() {
    if (wanted) return;
    wanted = true;
    requestAnimationFrame(draw);
  }

  /** @param {number} zoom @param {number} [at] x of the canvas that stays where it is */
  function zoomTo(zoom, at = box.clientWidth / 2) {
    const tick = tickOf(at);
    view.zoom = Math.min(MAX_ZOOM, Math.max(MIN_ZOOM, zoom));
    draw();
    box.scrollLeft = GUTTER + (tick / get().song.ticks) * view.zoom - at;
    scrolled();
    redraw();
  }

  /** The whole music in view, as far as it can be read. */
  function fit() {
    const { song } = get();
    const pitches = song.tracks.filter((t) => !t.drums || song.tracks.length === 1).flatMap((t) => t.notes.map((n) => n[2]));
    const wide = box.clientWidth - GUTTER - 16;
    const beats = Math.max(16, endOf(song) / song.ticks);
    view.zoom = Math.min(120, Math.max(14, wide / beats));
    const [low, high] = pitches.length ? [Math.min(...pitches), Math.max(...pitches)] : [48, 84];
    view.row = Math.min(box.clientHeight > 1200 ? 30 : 18, Math.max(8, Math.floor(box.clientHeight / (high - low + 8))));
    draw();
    box.scrollLeft = 0;
    box.scrollTop = (127 - (low + high) / 2) * view.row - box.clientHeight / 2;
    scrolled();
    redraw();
  }

  box.addEventListener("scroll", () => (scrolled(), redraw()), { passive: true });
  new ResizeObserver(redraw).observe(box);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", restyle);

  return {
    canvas, ruler, box, view, redraw, restyle, fit, zoomTo, noteAt, tickOf, pitchOf, x,
    /** @param {{x: number, y: number, w: number, h: number} | null} area */
    mark: (area) => ((marquee = area), redraw()),
    /** Scroll so that a tick is in view. @param {number} tick */
    reveal(tick) {
      const at = x(tick);
      if (at > canvas.clientWidth - 40 || at < GUTTER) box.scrollLeft += at - GUTTER - 60;
    },
  };
}

/** @typedef {ReturnType<typeof createRoll>} Roll */
