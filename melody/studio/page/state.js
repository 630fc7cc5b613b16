// The state of the page as one value, its history, and who listens. Nothing here knows the page or the server.

import { emptySong } from "./music.js";

/** @typedef {import("./music.js").Song} Song */
/** @typedef {import("./music.js").Note} Note */
/** @typedef {{from: number, to: number}} Bars first and last bar, from 0 */
/** @typedef {{songs: Song[], at: number, seeds: number[]}} Candidates what one press of a button brought */
/** @typedef {{track: number, program: number, drums: boolean, name: string, note: Note}} Arriving a note that is not certain yet */
/**
 * @typedef {object} State
 * @property {Song} song
 * @property {Set<Note>} selected
 * @property {Bars | null} bars bars that are selected
 * @property {number} track the part that the pencil writes into
 * @property {"select" | "pencil"} tool
 * @property {Set<number>} muted
 * @property {Set<number>} solo
 * @property {boolean} loop
 * @property {boolean} click
 * @property {boolean} recording
 * @property {Candidates | null} candidates
 * @property {Arriving[]} arriving
 * @property {string} writing the verb that is at work, or ""
 * @property {{verb: string, from: number, to: number} | null} hole ticks that are being rewritten
 */

const DEPTH = 200; // steps that can be undone

/** @returns {State} */
export function firstState() {
  return {
    song: emptySong(), selected: new Set(), bars: null, track: 0, tool: "select", muted: new Set(), solo: new Set(),
    loop: false, click: false, recording: false, candidates: null, arriving: [], writing: "", hole: null,
  };
}

/** @typedef {{song: Song, bars: Bars | null, candidates: Candidates | null}} Moment what undo brings back */

/** A store: one state, its history, its listeners. @param {State} first */
export function createStore(first) {
  let state = first;
  /** @type {Moment[]} */
  let past = [];
  /** @type {Moment[]} */
  let future = [];
  /** @type {Set<(state: State, before: State) => void>} */
  const listeners = new Set();

  /** @returns {Moment} */
  const moment = () => ({ song: state.song, bars: state.bars, candidates: state.candidates });

  /** @param {State} next */
  function become(next) {
    const before = state;
    state = next;
    for (const listener of listeners) listener(state, before);
  }

  /** @param {Moment[]} from @param {Moment[]} to @returns {boolean} */
  function travel(from, to) {
    const there = from.pop();
    if (!there) return false;
    to.push(moment());
    become({ ...state, ...there, selected: new Set() });
    return true;
  }

  return {
    get: () => state,
    /** Something changes that undo need not know. @param {Partial<State>} part */
    set: (part) => become({ ...state, ...part }),
    /** An edit: it can be undone. @param {Partial<State>} part */
    edit(part) {
      past = [...past.slice(1 - DEPTH), moment()];
      future = [];
      become({ ...state, ...part });
    },
    undo: () => travel(past, future),
    redo: () => travel(future, past),
    canUndo: () => past.length > 0,
    canRedo: () => future.length > 0,
    /** @param {(state: State, before: State) => void} listener */
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** @typedef {ReturnType<typeof createStore>} Store */
