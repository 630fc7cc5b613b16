// The notes as a table, a row a bar and a column a part: what a screen reader reads where others look at the roll.

import { element } from "./controls.js";
import { barAt, barsOf, endOf, pitchName } from "./music.js";

/** @typedef {import("./state.js").Store} Store */
/** @typedef {import("./music.js").Note} Note */

const BARS = 400; // that are listed
const LENGTHS = [[4, "whole"], [3, "dotted half"], [2, "half"], [1.5, "dotted quarter"], [1, "quarter"], [0.75, "dotted eighth"], [0.5, "eighth"], [0.25, "sixteenth"]];

/** "quarter", or a number of quarters. @param {number} quarters */
export function lengthName(quarters) {
  const found = LENGTHS.find(([length]) => Math.abs(Number(length) - quarters) < 0.07);
  return found ? String(found[1]) : `${Math.round(quarters * 100) / 100} quarters`;
}

/** What is said of a note: "beat 2, C4, quarter". @param {Note} note @param {import("./music.js").Song} song */
export function spoken(note, song) {
  const bars = barsOf(song, note[0] + 1);
  const bar = bars[barAt(bars, note[0])];
  const beat = Math.round(((note[0] - bar.tick) / bar.beat + 1) * 100) / 100;
  return `beat ${beat} ${pitchName(note[2])} ${lengthName(note[1] / song.ticks)}`;
}

/** @param {HTMLTableElement} table @param {Store} store @param {(bar: number) => void} visited */
export function createGrid(table, store, visited) {
  let song = /** @type {import("./music.js").Song | null} */ (null);
  let timer = 0;

  function build() {
    const now = store.get().song;
    if (now === song) return;
    song = now;
    const bars = barsOf(song, endOf(song)).slice(0, BARS);
    /** @type {string[][][]} */
    const cells = bars.map(() => now.tracks.map(() => []));
    now.tracks.forEach((track, column) => {
      for (const note of track.notes) cells[barAt(bars, note[0])]?.[column].push(spoken(note, now));
    });
    const head = element("tr", { role: "row" }, element("th", { scope: "col" }, "Bar"), ...now.tracks.map((t) => element("th", { scope: "col" }, t.name || "Part")));
    const rows = cells.map((row, index) =>
      element(
        "tr",
        { role: "row" },
        element("th", { scope: "row" }, String(index + 1)),
        ...row.map((notes) => element("td", { role: "gridcell", tabIndex: -1, "data-bar": index }, notes.join(", ") || "no notes")),
      ),
    );
    table.tHead?.replaceChildren(head);
    table.tBodies[0].replaceChildren(...rows);
    const first = table.querySelector("td");
    if (first) first.tabIndex = 0;
  }

  table.addEventListener("keydown", (event) => {
    const cell = /** @type {HTMLTableCellElement} */ (event.target);
    const row = /** @type {HTMLTableRowElement} */ (cell.parentElement);
    /** @type {Record<string, () => Element | null | undefined>} */
    const ways = {
      ArrowRight: () => cell.nextElementSibling,
      ArrowLeft: () => cell.previousElementSibling,
      ArrowDown: () => row.nextElementSibling?.children[cell.cellIndex],
      ArrowUp: () => row.previousElementSibling?.children[cell.cellIndex],
      Home: () => table.querySelector("td"),
      End: () => table.querySelector("tr:last-child td:last-child"),
    };
    const next = ways[event.key]?.();
    if (!(event.key in ways)) return;
    event.preventDefault();
    event.stopPropagation();
    if (!(next instanceof HTMLTableCellElement) || next.tagName !== "TD") return;
    cell.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
    visited(Number(next.dataset.bar));
  });

  const later = () => {
    clearTimeout(timer);
    timer = window.setTimeout(build, 400); // edits come in showers
  };
  store.subscribe((state, before) => state.song !== before.song && later());
  build();
}
