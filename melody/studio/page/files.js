// Files: what is dropped, what is exported, and what the browser keeps between two visits.

import * as api from "./api.js";
import { endOf, noteCount } from "./music.js";
import { colourOf } from "./roll.js";

/** @typedef {import("./state.js").Store} Store */
/** @typedef {import("./music.js").Song} Song */

const KEPT = "melody.song";
const LATER = 600; // milliseconds after the last change

/** Keep the song in the browser, and in the song file where there is one. @param {Store} store @param {boolean} file @param {(line: string, wrong?: boolean) => void} say */
export function autosave(store, file, say) {
  let timer = 0;
  const save = () => {
    const { song, writing } = store.get();
    if (writing) return;
    try {
      localStorage.setItem(KEPT, JSON.stringify(song));
    } catch {
      say("the piece is too long for the browser to keep; export it before you leave", true);
    }
    if (file && noteCount(song)) api.keep(song).catch((fault) => say(fault.message, true));
  };
  store.subscribe((state, before) => {
    if (state.song === before.song && state.writing === before.writing) return;
    clearTimeout(timer);
    timer = window.setTimeout(save, LATER);
  });
  addEventListener("pagehide", () => localStorage.setItem(KEPT, JSON.stringify(store.get().song)));
}

/** The song of the last visit. @returns {Song | null} */
export function remembered() {
  try {
    const song = JSON.parse(localStorage.getItem(KEPT) ?? "null");
    return song && Array.isArray(song.tracks) && Array.isArray(song.tempi) ? song : null;
  } catch {
    return null;
  }
}

/** @param {Blob} data @param {string} name */
function download(data, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(data);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

/** The whole piece as a picture. @param {Song} song @returns {Promise<Blob>} */
function picture(song) {
  const style = getComputedStyle(document.documentElement);
  const pitches = song.tracks.flatMap((t) => t.notes.map((n) => n[2]));
  const [low, high] = [Math.min(...pitches) - 2, Math.max(...pitches) + 2];
  const beats = endOf(song) / song.ticks;
  const [row, wide] = [8, Math.min(24, 8000 / beats)];
  const canvas = document.createElement("canvas");
  canvas.width = Math.ceil(beats * wide) + 32;
  canvas.height = (high - low + 1) * row + 32;
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  pen.fillStyle = style.getPropertyValue("--paper");
  pen.fillRect(0, 0, canvas.width, canvas.height);
  song.tracks.forEach((track, index) => {
    pen.fillStyle = colourOf(index);
    for (const [onset, duration, pitch, velocity] of track.notes) {
      pen.globalAlpha = 0.4 + (0.6 * velocity) / 127;
      pen.fillRect(16 + (onset / song.ticks) * wide, 16 + (high - pitch) * row, Math.max(2, (duration / song.ticks) * wide - 1), row - 1);
    }
  });
  return new Promise((done, failed) => canvas.toBlob((blob) => (blob ? done(blob) : failed(new Error("the picture cannot be drawn"))), "image/png"));
}

/** @param {Song} song @param {string} kind */
export async function exportSong(song, kind) {
  if (!noteCount(song)) throw new Error("there are no notes to export yet");
  if (kind === "png") return download(await picture(song), "melody.png");
  const suffix = { midi: "mid", musicxml: "musicxml", wav: "wav" }[kind];
  download(await api.exported(/** @type {"midi" | "musicxml" | "wav"} */ (kind), song), `melody.${suffix}`);
}

/** @param {HTMLElement} area @param {number} limit bytes @param {(song: Song, name: string) => void} opened @param {(line: string, wrong?: boolean) => void} say */
export function openFiles(area, limit, opened, say) {
  /** @param {File | undefined} file */
  async function open(file) {
    if (!file) return;
    if (file.size > limit) return say(`${file.name}: more than the limit of ${limit >> 20} MiB`, true);
    say(`reading ${file.name}`);
    try {
      opened(await api.read(file), file.name);
    } catch (fault) {
      say(fault instanceof Error ? fault.message.replace(/^the file/, file.name) : String(fault), true);
    }
  }
  let depth = 0;
  const over = (/** @type {number} */ step) => {
    depth = Math.max(0, depth + step);
    area.classList.toggle("dropping", depth > 0);
  };
  area.addEventListener("dragenter", (event) => (event.preventDefault(), over(1)));
  area.addEventListener("dragleave", () => over(-1));
  area.addEventListener("dragover", (event) => event.preventDefault());
  area.addEventListener("drop", (event) => {
    event.preventDefault();
    over(-depth);
    open(event.dataTransfer?.files[0]);
  });
  return open;
}
