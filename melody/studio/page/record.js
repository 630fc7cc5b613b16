// A MIDI keyboard: what is played sounds, and is written into the part while recording. Needs the browser's permission, and asks for it once.

import { withNote } from "./music.js";

/** @typedef {import("./state.js").Store} Store */

const [NOTE_OFF, NOTE_ON] = [0x80, 0x90];

/** @param {Store} store @param {import("./player.js").Player} player @param {(line: string, wrong?: boolean) => void} say */
export function createRecorder(store, player, say) {
  /** Keys that are held: when each went down, in ticks, and how hard. @type {Map<number, [number, number]>} */
  const held = new Map();
  let asked = false;

  /** @param {Uint8Array} data a MIDI message */
  function message(data) {
    const [kind, pitch, velocity] = [data[0] & 0xf0, data[1], data[2]];
    const { song, track, recording } = store.get();
    const part = song.tracks[track] ?? { drums: false, program: 0 };
    if (kind === NOTE_ON && velocity > 0) {
      player.down(track, pitch, velocity, part.drums, part.program);
      held.set(pitch, [player.now(), velocity]);
    } else if (kind === NOTE_OFF || kind === NOTE_ON) {
      player.up(track, pitch, part.drums);
      const from = held.get(pitch);
      held.delete(pitch);
      if (from && recording && player.playing()) {
        const onset = Math.round(from[0]);
        store.edit({ song: withNote(song, track, [onset, Math.max(1, Math.round(player.now()) - onset), pitch, from[1]]) });
      }
    }
  }

  /** @param {MIDIAccess} access */
  function listen(access) {
    for (const input of access.inputs.values()) input.onmidimessage = (event) => event.data && message(event.data);
    return access.inputs.size;
  }

  /** Ask for the keyboards, once. @returns {Promise<number>} how many there are */
  async function keyboards() {
    if (!navigator.requestMIDIAccess) throw new Error("this browser knows no MIDI keyboards");
    const access = await navigator.requestMIDIAccess();
    if (!asked) access.addEventListener("statechange", () => listen(access));
    asked = true;
    return listen(access);
  }

  return {
    /** Record, or stop recording. */
    async toggle() {
      if (store.get().recording) {
        store.set({ recording: false });
        player.stop();
        return;
      }
      try {
        if (!(await keyboards())) return say("no MIDI keyboard is connected", true);
      } catch (fault) {
        return say(fault instanceof DOMException ? "the browser may not use MIDI keyboards; allow it for this page" : String(fault), true);
      }
      store.set({ recording: true });
      say("recording: play on the MIDI keyboard");
      await player.play();
    },
  };
}
