// What a pointer does on the roll: select, move, stretch, draw, and drag over bars on the ruler.

import { barAt, barsOf, changed, moved, notesWithin, withNote, without } from "./music.js";
import { GUTTER } from "./ruler.js";

/** @typedef {import("./roll.js").Roll} Roll */
/** @typedef {import("./state.js").Store} Store */
/** @typedef {import("./music.js").Note} Note */

const EDGE = 6; // pixels at the end of a note that stretch it

/** The grid that is drawn on: a sixteenth, or finer where the song is zoomed in. @param {import("./music.js").Song} song */
export const gridOf = (song) => Math.max(1, song.ticks / 4);

/** @param {Roll} roll @param {Store} store @param {import("./player.js").Player} player */
export function useHand(roll, store, player) {
  /** @param {PointerEvent} event @param {HTMLElement} element */
  const place = (event, element) => {
    const box = element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };

  /**
   * Follow one pointer until it is lifted.
   * @param {PointerEvent} down @param {HTMLElement} element
   * @param {(at: {x: number, y: number}, event: PointerEvent) => void} move @param {(moved: boolean) => void} [done]
   */
  function follow(down, element, move, done = () => undefined) {
    element.setPointerCapture(down.pointerId);
    let far = false;
    /** @param {PointerEvent} event */
    const moving = (event) => {
      far ||= Math.hypot(event.clientX - down.clientX, event.clientY - down.clientY) > 3;
      if (far) move(place(event, element), event);
    };
    const end = () => {
      element.removeEventListener("pointermove", moving);
      element.removeEventListener("pointerup", end);
      element.removeEventListener("pointercancel", end);
      done(far);
    };
    element.addEventListener("pointermove", moving);
    element.addEventListener("pointerup", end);
    element.addEventListener("pointercancel", end);
  }

  /** The bar at a place. @param {number} px */
  const barOf = (px) => {
    const tick = roll.tickOf(Math.max(GUTTER, px));
    return barAt(barsOf(store.get().song, tick + 1), tick);
  };

  /** @param {Note} note */
  const hear = (note) => {
    const { song, track } = store.get();
    const part = song.tracks[track] ?? { drums: false, program: 0 };
    if (!player.playing()) player.sound(track, note[2], part.drums, part.program);
  };

  roll.ruler.addEventListener("pointerdown", (event) => {
    const at = place(event, roll.ruler);
    if (event.button || at.x < GUTTER) return;
    const first = barOf(at.x);
    follow(
      event,
      roll.ruler,
      (to) => {
        const other = barOf(to.x);
        store.set({ bars: { from: Math.min(first, other), to: Math.max(first, other) } });
      },
      (far) => {
        if (far) return;
        if (event.shiftKey || event.detail === 2) store.set({ bars: { from: first, to: first } });
        else {
          player.seek(roll.tickOf(at.x));
          store.set({ bars: null });
        }
      },
    );
  });

  roll.canvas.addEventListener("pointerdown", (event) => {
    const at = place(event, roll.canvas);
    const state = store.get();
    if (event.button || state.writing) return;
    if (at.x < GUTTER) return hear([0, 0, roll.pitchOf(at.y), 90]);
    const hit = roll.noteAt(at.x, at.y);
    if (hit) return grasp(event, at, hit);
    if (state.tool === "pencil") return pencil(event, at);
    if (event.pointerType === "touch") return; // a finger scrolls
    marquee(event, at);
  });

  /** A note is taken hold of: it moves, or its end does. @param {PointerEvent} event @param {{x: number, y: number}} at @param {[Note, number]} hit */
  function grasp(event, at, [note, track]) {
    const state = store.get();
    if (state.tool === "pencil" && event.altKey) return store.edit({ song: without(state.song, new Set([note])) });
    const selected = state.selected.has(note) ? state.selected : new Set(event.shiftKey ? [...state.selected, note] : [note]);
    store.set({ selected, track });
    hear(note);
    const { song } = store.get();
    const stretches = roll.x(note[0] + note[1]) - at.x < EDGE && (note[1] / song.ticks) * roll.view.zoom > 2 * EDGE;
    const grid = gridOf(song);
    let last = song;
    let chosen = selected;
    follow(
      event,
      roll.canvas,
      (to) => {
        const ticks = Math.round((roll.tickOf(to.x) - roll.tickOf(at.x)) / grid) * grid;
        const steps = roll.pitchOf(to.y) - roll.pitchOf(at.y);
        const change = stretches
          ? (/** @type {Note} */ n) => /** @type {Note} */ ([n[0], Math.max(grid, n[1] + ticks), n[2], n[3]])
          : moved(ticks, steps);
        [last, chosen] = changed(song, selected, change);
        store.set({ song: last, selected: chosen });
      },
      (far) => {
        if (!far) return;
        store.set({ song, selected });
        store.edit({ song: last, selected: chosen });
      },
    );
  }

  /** @param {PointerEvent} event @param {{x: number, y: number}} at */
  function pencil(event, at) {
    const before = store.get().song;
    const grid = gridOf(before);
    const onset = Math.floor(roll.tickOf(at.x) / grid) * grid;
    const { track } = store.get();
    /** @type {Note} */
    let note = [onset, grid, roll.pitchOf(at.y), 90];
    store.edit({ song: withNote(before, track, note), selected: new Set([note]) });
    hear(note);
    follow(event, roll.canvas, (to) => {
      note = [onset, Math.max(grid, Math.ceil((roll.tickOf(to.x) - onset) / grid) * grid), note[2], note[3]];
      store.set({ song: withNote(before, track, note), selected: new Set([note]) });
    });
  }

  /** @param {PointerEvent} event @param {{x: number, y: number}} at */
  function marquee(event, at) {
    const kept = event.shiftKey ? store.get().selected : new Set();
    follow(
      event,
      roll.canvas,
      (to) => {
        roll.mark({ x: Math.min(at.x, to.x), y: Math.min(at.y, to.y), w: Math.abs(to.x - at.x), h: Math.abs(to.y - at.y) });
        const [from, until] = [roll.tickOf(Math.min(at.x, to.x)), roll.tickOf(Math.max(at.x, to.x))];
        const found = notesWithin(store.get().song, from, until, roll.pitchOf(Math.max(at.y, to.y)), roll.pitchOf(Math.min(at.y, to.y)));
        store.set({ selected: new Set([...kept, ...found]) });
      },
      (far) => {
        roll.mark(null);
        if (!far) store.set({ selected: new Set() });
      },
    );
  }

  roll.canvas.addEventListener("pointermove", (event) => {
    if (event.buttons) return;
    const at = place(event, roll.canvas);
    const hit = at.x < GUTTER ? null : roll.noteAt(at.x, at.y);
    const end = hit ? roll.x(hit[0][0] + hit[0][1]) - at.x < EDGE : false;
    roll.canvas.style.cursor = hit ? (end ? "ew-resize" : "grab") : store.get().tool === "pencil" ? "crosshair" : "default";
  });

  roll.box.addEventListener(
    "wheel",
    (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const at = event.clientX - roll.box.getBoundingClientRect().left;
      roll.zoomTo(roll.view.zoom * Math.exp(-event.deltaY / 300), Math.max(GUTTER, at));
    },
    { passive: false },
  );
}
