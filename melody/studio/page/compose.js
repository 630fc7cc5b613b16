// Pressing a verb: the request, the notes that arrive, the candidates that come of it.

import * as api from "./api.js";
import { barsOf, emptySong, endOf } from "./music.js";

/** @typedef {import("./state.js").Store} Store */
/** @typedef {import("./state.js").Arriving} Arriving */
/** @typedef {import("./music.js").Song} Song */
/** @typedef {{name: string, label: string, help: string, tune: boolean, hole: "from_bar" | "bars" | null, part: string | null, settings: Record<string, string>}} Verb */
/** @typedef {{values: Record<string, any>, drawing: Record<string, any>, candidates: number, track: string, listen: boolean}} Asked */

/**
 * @param {Store} store @param {import("./player.js").Player} player
 * @param {(line: string, wrong?: boolean) => void} say
 * @param {import("./roll.js").Roll} roll shows all of a new piece, and where something is written
 */
export function createComposer(store, player, say, roll) {
  /** @type {{controller: AbortController, before: Song} | null} */
  let running = null;

  /** Songs that have come, by candidate. @param {Map<number, Song>} songs @param {number} seed @param {Song} before */
  function settle(songs, seed, before) {
    const order = [...songs.keys()].sort((a, b) => a - b);
    store.set({ song: before, arriving: [], writing: "", hole: null });
    if (!order.length) return;
    const list = order.map((n) => /** @type {Song} */ (songs.get(n)));
    const candidates = list.length > 1 ? { songs: list, at: 0, seeds: order.map((n) => seed + n) } : null;
    store.edit({ song: list[0], candidates, selected: new Set() });
  }

  /** The arriving note with the part that it belongs to. @param {any} note @param {Song} song @param {Map<number, number>} parts @returns {Arriving} */
  function placed(note, song, parts) {
    if (!song.tracks.length) parts.set(note.part, note.part); // a new piece has its parts in this order
    else if (!parts.has(note.part)) {
      const taken = new Set(parts.values());
      const fits = song.tracks.findIndex((t, i) => !taken.has(i) && t.drums === note.is_drum && (t.drums || t.program === note.program));
      parts.set(note.part, fits >= 0 ? fits : song.tracks.length + [...parts.values()].filter((i) => i >= song.tracks.length).length);
    }
    const ticks = [note.onset_beats, note.duration_beats].map((beats) => Math.round(beats * song.ticks));
    return {
      track: parts.get(note.part) ?? 0, program: note.program, drums: note.is_drum, name: note.name,
      note: [ticks[0], Math.max(1, ticks[1]), note.pitch, note.velocity],
    };
  }

  /** @param {Verb} verb @param {Asked} asked */
  async function write(verb, asked) {
    stop();
    const before = store.get().song;
    const settings = Object.fromEntries(Object.entries(verb.settings).flatMap(([name, id]) => (id in asked.values ? [[name, asked.values[id]]] : [])));
    const seed = settings.seed ?? Math.floor(Math.random() * 2 ** 31);
    /** @type {any} */
    const request = { verb: verb.name, settings: { ...settings, seed }, drawing: asked.drawing, candidates: asked.candidates };
    let hole = null;
    if (verb.tune) request.song = before;
    if (verb.part && asked.track) request.settings[verb.part] = asked.track;
    if (verb.hole) {
      const bars = barsOf(before, endOf(before));
      const chosen = store.get().bars ?? { from: 0, to: bars.length - 1 };
      const to = Math.min(chosen.to, bars.length - 1);
      if (chosen.from > to) return say("there is no music in these bars yet; press Continue instead", true);
      Object.assign(request.settings, verb.hole === "bars" ? { bars: `${chosen.from + 1}-${to + 1}` } : { from_bar: chosen.from + 1, to_bar: to + 1 });
      hole = { verb: verb.name, from: bars[chosen.from].tick, to: bars[to].tick + bars[to].length };
    }
    const controller = new AbortController();
    const mine = (running = { controller, before });
    const base = verb.tune ? before : emptySong();
    const parts = new Map();
    const songs = new Map();
    let faults = 0;
    let remark = "";
    player.stop(hole?.from ?? (verb.tune ? undefined : 0));
    store.set({ song: base, writing: verb.label, arriving: [], hole, candidates: null, selected: new Set() });
    say(`${verb.label}: at work`);
    /** @param {api.Message} message */
    const happened = (message) => {
      if (running !== mine) return;
      if (message.is === "begun" && message.candidate === 0 && !verb.tune) store.set({ song: begun(message) });
      if (message.is === "note" && message.candidate === 0) arrive(message.note);
      if (message.is === "song" && message.song) songs.set(message.candidate, message.song);
      if (message.is === "remark") remark = `; ${message.line}`;
      if (message.is === "fault") say(message.line ?? "nothing came of it", ++faults > 0);
    };
    /** @param {any} note */
    const arrive = (note) => {
      const { song, arriving } = store.get();
      store.set({ arriving: [...arriving, placed(note, song, parts)] });
      if (arriving.length === 0) verb.tune ? roll.reveal(hole ? hole.from : store.get().arriving[0].note[0]) : roll.fit();
      if (arriving.length === 0 && asked.listen) player.play(hole ? hole.from : verb.name === "continue" ? lead(song) : 0);
    };
    try {
      await api.write(request, controller.signal, happened);
    } catch (fault) {
      if (running === mine) {
        faults++;
        say(fault instanceof Error ? fault.message : String(fault), true);
      }
    }
    if (running !== mine) return;
    running = null;
    settle(songs, seed, before);
    player.retime();
    if (songs.size && !verb.tune) roll.fit();
    if (!faults) say(`${verb.label}: done, seed ${seed}${remark}`);
  }

  /** What is known of a piece before its first note. @param {api.Message & {bar?: number}} message @returns {Song} */
  function begun({ tempo, bar }) {
    const song = emptySong();
    if (tempo) song.tempi = [[0, Math.round(6e7 / tempo)]];
    if (bar) song.meters = [[0, ...(Number.isInteger(bar) ? [bar, 4] : [bar * 2, 8])]];
    return song;
  }

  /** A bar before the end: a continuation is met on its way. @param {Song} song */
  function lead(song) {
    const bars = barsOf(song, endOf(song));
    return bars[bars.length - 1].tick;
  }

  /** Cancel what is at work; the song is what it was. */
  function stop() {
    if (!running) return false;
    running.controller.abort();
    const { before } = running;
    running = null;
    player.stop();
    store.set({ song: before, arriving: [], writing: "", hole: null });
    return true;
  }

  /** Another candidate. @param {number} step */
  function flip(step) {
    const { candidates } = store.get();
    if (!candidates) return;
    const at = (candidates.at + step + candidates.songs.length) % candidates.songs.length;
    store.set({ song: candidates.songs[at], candidates: { ...candidates, at }, selected: new Set() });
    player.retime();
    say(`candidate ${at + 1} of ${candidates.songs.length}, seed ${candidates.seeds[at]}`);
  }

  return { write, stop, flip, keep: () => store.set({ candidates: null }) };
}
