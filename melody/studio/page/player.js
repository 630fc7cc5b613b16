// Sound: a clock, a look ahead, and the synthesizer. Notes are looked up while it plays, so that edits and arriving notes sound at once.

import { barsOf, endOf, secondsAt, tickAt } from "./music.js";
import { WorkletSynthesizer } from "./vendor/spessasynth.js";

/** @typedef {import("./state.js").Store} Store */
/** @typedef {import("./state.js").State} State */

const AHEAD = 0.12; // seconds that are scheduled in advance
const EVERY = 25; // milliseconds between two looks ahead
const DRUMS = 9; // the channel of drums

/** @param {Store} store @param {() => void} changed called when it starts or stops */
export function createPlayer(store, changed) {
  /** @type {AudioContext | undefined} */
  let context;
  /** @type {WorkletSynthesizer | undefined} */
  let synth;
  /** @type {Promise<void> | undefined} */
  let loading;
  let playing = false;
  let position = 0; // tick
  let startedAt = 0; // of the clock
  let startedFrom = 0; // seconds of the song
  let scheduledTo = 0; // tick
  let timer = 0;

  const clock = () => (context?.state === "running" ? context.currentTime : performance.now() / 1000);

  async function load() {
    context = new AudioContext({ latencyHint: "interactive" });
    await context.audioWorklet.addModule("/page/vendor/spessasynth_processor.min.js");
    const made = new WorkletSynthesizer(context);
    const limiter = new DynamicsCompressorNode(context, { threshold: -9, ratio: 12, attack: 0.003, release: 0.15 });
    made.connect(limiter);
    limiter.connect(context.destination);
    const bank = await (await fetch("/soundfont")).arrayBuffer();
    await made.soundBankManager.addSoundBank(bank, "main");
    await made.isReady;
    synth = made;
    programs(store.get());
  }

  /** Ready to sound; asked for as soon as a person has touched the page, because browsers allow no sound before. */
  function ready() {
    loading ??= load().catch((fault) => console.warn("no sound:", fault));
    if (context?.state === "suspended") context.resume().catch(() => undefined);
    return loading;
  }

  /** The channel of a part. @param {number} track @param {boolean} drums */
  const channelOf = (track, drums) => (drums ? DRUMS : track % 15 < DRUMS ? track % 15 : (track % 15) + 1);

  /** @param {State} state */
  function programs(state) {
    const parts = [...state.song.tracks, ...state.arriving.filter((a) => a.track >= state.song.tracks.length)];
    parts.forEach((part, index) => {
      const at = "track" in part ? part.track : index;
      if (!part.drums) synth?.programChange(channelOf(at, false), part.program);
    });
  }

  /** @param {State} state @param {number} track */
  const sounds = (state, track) => (state.solo.size ? state.solo.has(track) : !state.muted.has(track));

  /** What plays begins and ends here, in ticks. @param {State} state @returns {[number, number]} */
  function span(state) {
    let end = endOf(state.song);
    for (const { note } of state.arriving) end = Math.max(end, note[0] + note[1]);
    if (state.bars) {
      const bars = barsOf(state.song, end);
      const first = bars[state.bars.from];
      const last = bars[Math.min(state.bars.to, bars.length - 1)];
      if (first && last) return [first.tick, last.tick + last.length];
    }
    return [0, end];
  }

  /** @param {number} from @param {number} to ticks, `to` left out */
  function schedule(from, to) {
    const state = store.get();
    const { song } = state;
    const when = (/** @type {number} */ tick) => startedAt + secondsAt(song, tick) - startedFrom;
    /** @param {import("./music.js").Note} note @param {number} track @param {boolean} drums */
    const strike = (note, track, drums) => {
      const [onset, duration, pitch, velocity] = note;
      if (onset < from || onset >= to || !sounds(state, track)) return;
      const channel = channelOf(track, drums);
      synth?.noteOn(channel, pitch, velocity, { time: when(onset) });
      synth?.noteOff(channel, pitch, { time: Math.max(when(onset) + 0.03, when(onset + duration)) });
    };
    song.tracks.forEach((track, index) => track.notes.forEach((note) => strike(note, index, track.drums)));
    state.arriving.forEach((a) => strike(a.note, a.track, a.drums));
    if (state.click)
      for (const bar of barsOf(song, to))
        for (let tick = bar.tick; tick < bar.tick + bar.length; tick += bar.beat)
          if (tick >= from && tick < to) {
            synth?.noteOn(DRUMS, tick === bar.tick ? 76 : 77, 90, { time: when(tick) });
            synth?.noteOff(DRUMS, tick === bar.tick ? 76 : 77, { time: when(tick) + 0.05 });
          }
  }

  function now() {
    if (!playing) return position;
    return tickAt(store.get().song, Math.max(0, startedFrom + clock() - startedAt));
  }

  function look() {
    const state = store.get();
    const [begin, end] = span(state);
    const at = now();
    if (at >= end && !state.writing && !state.recording) {
      if (state.loop && end > begin) return start(begin);
      return stop(state.bars ? begin : 0);
    }
    const to = tickAt(state.song, startedFrom + clock() - startedAt + AHEAD);
    const limit = state.loop && end > begin ? Math.min(to, end) : to;
    if (limit > scheduledTo) {
      schedule(scheduledTo, limit);
      scheduledTo = limit;
    }
  }

  /** @param {number} tick */
  function start(tick) {
    silence();
    if (synth) programs(store.get());
    position = tick;
    startedAt = clock() + 0.05;
    startedFrom = secondsAt(store.get().song, tick);
    scheduledTo = tick;
    playing = true;
    clearInterval(timer);
    timer = window.setInterval(look, EVERY);
    look();
    changed();
  }

  function silence() {
    synth?.stopAll(true);
  }

  /** @param {number} [tick] where the playhead goes */
  function stop(tick) {
    position = tick ?? now();
    playing = false;
    clearInterval(timer);
    silence();
    if (store.get().recording) store.set({ recording: false });
    changed();
  }

  return {
    ready,
    programs: () => synth && programs(store.get()),
    now,
    playing: () => playing,
    hasSound: () => synth !== undefined,
    /** @param {number} [from] tick */
    async play(from) {
      await ready();
      const [begin, end] = span(store.get());
      let tick = from ?? position;
      if (from === undefined && (tick >= end || (store.get().bars && (tick < begin || tick >= end)))) tick = begin;
      start(tick);
    },
    stop,
    /** @param {number} tick */
    seek(tick) {
      if (playing) start(tick);
      else position = tick;
      changed();
    },
    /** The same place goes on after the song's tempo or notes changed. */
    retime() {
      if (playing) start(now());
    },
    /** A key goes down. @param {number} track @param {number} pitch @param {number} velocity @param {boolean} drums @param {number} program */
    down(track, pitch, velocity, drums, program) {
      const channel = channelOf(track, drums);
      if (!drums && !playing) synth?.programChange(channel, program);
      synth?.noteOn(channel, pitch, velocity);
    },
    /** A key comes up. @param {number} track @param {number} pitch @param {boolean} drums */
    up: (track, pitch, drums) => synth?.noteOff(channelOf(track, drums), pitch),
    /** One note, to hear what is drawn. @param {number} track @param {number} pitch @param {boolean} drums @param {number} program */
    async sound(track, pitch, drums, program) {
      await ready();
      const channel = channelOf(track, drums);
      if (!drums) synth?.programChange(channel, program);
      synth?.noteOn(channel, pitch, 90);
      window.setTimeout(() => synth?.noteOff(channel, pitch), 250);
    },
  };
}

/** @typedef {ReturnType<typeof createPlayer>} Player */
