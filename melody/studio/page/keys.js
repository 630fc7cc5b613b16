// The keyboard: one table of keys, which is also the help; and one Tab stop for each group of controls.

import { changed, moved, quantised, without } from "./music.js";
import { element } from "./controls.js";
import { spoken } from "./grid.js";
import { gridOf } from "./hand.js";

/** @typedef {import("./state.js").Store} Store */
/** @typedef {{keys: string[], shown: string, does: string, act: (event: KeyboardEvent) => void}} Key */

const TYPED = "input:not([type=range]):not([type=checkbox]), select, textarea, [contenteditable]";

/** The table of keys. @param {Store} store @param {Record<string, () => void>} actions @param {(line: string) => void} say @returns {Key[]} */
export function keyTable(store, actions, say) {
  /** @param {(note: import("./music.js").Note) => import("./music.js").Note} change */
  const edit = (change) => {
    const { song, selected } = store.get();
    if (!selected.size) return;
    const [next, made] = changed(song, selected, change);
    store.edit({ song: next, selected: made });
    if (made.size === 1) say(spoken([...made][0], next));
  };
  /** The next note of the part, in time. @param {number} step */
  const walk = (step) => {
    const { song, track, selected } = store.get();
    const notes = song.tracks[track]?.notes ?? [];
    if (!notes.length) return;
    const at = notes.findIndex((n) => selected.has(n));
    const next = notes[at < 0 ? (step > 0 ? 0 : notes.length - 1) : Math.min(notes.length - 1, Math.max(0, at + step))];
    store.set({ selected: new Set([next]) });
    say(spoken(next, song));
    actions.hear();
  };
  /** @param {KeyboardEvent} event @param {number} ticks @param {number} steps */
  const arrow = (event, ticks, steps) => {
    const { song, selected } = store.get();
    if (ticks && !event.altKey && selected.size <= 1) return walk(ticks);
    edit(moved(ticks * gridOf(song), steps * (event.shiftKey ? 12 : 1)));
  };
  const remove = () => {
    const { song, selected } = store.get();
    if (selected.size) store.edit({ song: without(song, selected), selected: new Set() });
  };
  return [
    { keys: [" "], shown: "Space", does: "Play, pause", act: actions.play },
    { keys: ["Home"], shown: "Home", does: "Back to the start", act: actions.home },
    { keys: ["r"], shown: "R", does: "Record from a MIDI keyboard", act: actions.record },
    { keys: ["l"], shown: "L", does: "Loop the selected bars, or all", act: actions.loop },
    { keys: ["k"], shown: "K", does: "Metronome", act: actions.click },
    { keys: ["1"], shown: "1", does: "Pencil", act: actions.pencil },
    { keys: ["2"], shown: "2", does: "Select", act: actions.select },
    { keys: ["ArrowLeft"], shown: "← →", does: "Choose the next note; with Alt move it in time", act: (e) => arrow(e, -1, 0) },
    { keys: ["ArrowRight"], shown: "", does: "", act: (e) => arrow(e, 1, 0) },
    { keys: ["ArrowUp"], shown: "↑ ↓", does: "Move in pitch; with Shift an octave", act: (e) => arrow(e, 0, 1) },
    { keys: ["ArrowDown"], shown: "", does: "", act: (e) => arrow(e, 0, -1) },
    { keys: ["q"], shown: "Q", does: "Quantise to sixteenths", act: () => edit(quantised(gridOf(store.get().song))) },
    { keys: ["m"], shown: "M", does: "Mute the part", act: actions.mute },
    { keys: ["s"], shown: "S", does: "Solo the part", act: actions.solo },
    { keys: ["<", ","], shown: "< >", does: "The candidate before, or after", act: actions.before },
    { keys: [">", "."], shown: "", does: "", act: actions.after },
    { keys: ["+", "="], shown: "+ −", does: "Zoom", act: actions.closer },
    { keys: ["-"], shown: "", does: "", act: actions.farther },
    { keys: ["f"], shown: "F", does: "Show the whole piece", act: actions.fit },
    { keys: ["Delete", "Backspace"], shown: "Delete", does: "Delete the selected notes", act: remove },
    { keys: ["mod+a"], shown: "Ctrl+A", does: "Select all notes", act: actions.all },
    { keys: ["mod+z"], shown: "Ctrl+Z", does: "Undo", act: actions.undo },
    { keys: ["mod+shift+z", "mod+y"], shown: "Ctrl+Shift+Z, Ctrl+Y", does: "Redo", act: actions.redo },
    { keys: ["Escape"], shown: "Escape", does: "Cancel the work, or select nothing", act: actions.escape },
    { keys: ["?"], shown: "?", does: "These keys", act: actions.help },
  ];
}

/** @param {Key[]} table */
export function useKeys(table) {
  const known = new Map(table.flatMap((entry) => entry.keys.map((key) => [key, entry])));
  document.addEventListener("keydown", (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    if (event.defaultPrevented || document.querySelector("dialog[open]")) return;
    const modified = event.ctrlKey || event.metaKey;
    if (target.matches(TYPED) && event.key !== "Escape") return;
    if (target.matches("button, summary, input[type=checkbox]") && (event.key === " " || event.key === "Enter")) return;
    if (target.matches("input[type=range]") && (event.key.startsWith("Arrow") || event.key === "Home")) return;
    const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const found = known.get(modified ? `mod+${event.shiftKey ? "shift+" : ""}${name}` : name);
    if (!found) return;
    event.preventDefault();
    found.act(event);
  });
}

/** The help: the same table. @param {HTMLElement} place @param {Key[]} table */
export function listKeys(place, table) {
  place.replaceChildren(
    ...table.filter((k) => k.shown).map((k) => element("div", {}, element("dt", {}, ...k.shown.split(", ").map((s) => element("kbd", {}, s))), element("dd", {}, k.does))),
  );
}

/** One Tab stop for a group of controls: arrows move inside it. @param {HTMLElement} group */
export function rove(group) {
  const items = () => /** @type {HTMLElement[]} */ ([...group.querySelectorAll("button, select, input")].filter((e) => !(/** @type {any} */ (e).disabled) && /** @type {HTMLElement} */ (e).offsetParent));
  const settle = () => {
    const all = items();
    const stop = all.find((e) => e === document.activeElement) ?? all.find((e) => e.tabIndex === 0) ?? all[0];
    for (const item of all) item.tabIndex = item === stop ? 0 : -1;
  };
  group.addEventListener("rove", settle);
  group.addEventListener("focusin", settle);
  group.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const target = /** @type {HTMLElement} */ (event.target);
    if (!step || target.matches("input:not([type=checkbox]), select")) return;
    const all = items();
    const next = all[(all.indexOf(target) + step + all.length) % all.length];
    event.preventDefault();
    event.stopPropagation();
    next?.focus();
  });
  settle();
}
