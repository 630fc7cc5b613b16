// The page put together: state, roll, sound, controls, keys. Everything that is done has a name in `actions`.

import * as api from "./api.js";
import { createComposer } from "./compose.js";
import { createControls, element } from "./controls.js";
import { autosave, exportSong, openFiles, remembered } from "./files.js";
import { createGrid } from "./grid.js";
import { useHand } from "./hand.js";
import { keyTable, listKeys, rove, useKeys } from "./keys.js";
import { barAt, barsOf, emptySong, endOf, noteCount, tempoOf, withTempo } from "./music.js";
import { createParts } from "./parts.js";
import { createPlayer } from "./player.js";
import { createRecorder } from "./record.js";
import { createRoll } from "./roll.js";
import { createStore, firstState } from "./state.js";

/** @param {string} id @returns {any} */
const $ = (id) => document.getElementById(id);
const still = matchMedia("(prefers-reduced-motion: reduce)");

/** One line for people. @param {string} line @param {boolean} [wrong] */
function say(line, wrong = false) {
  $("status").textContent = line;
  $("status").classList.toggle("wrong", wrong);
}

async function start() {
  const form = await api.form();
  const store = createStore(firstState());
  const player = createPlayer(store, () => {
    document.body.classList.toggle("playing", player.playing());
    $("play").setAttribute("aria-label", player.playing() ? "Pause" : "Play");
    roll.redraw();
    if (player.playing()) requestAnimationFrame(animate);
    else position();
  });
  const roll = createRoll($("box"), $("space"), $("canvas"), $("ruler"), store.get, player.now);
  const composer = createComposer(store, player, say, roll);
  useHand(roll, store, player);
  const recorder = createRecorder(store, player, say);
  const parts = createParts($("parts"), store, form.programs);
  const controls = createControls(form, $("music"), $("more"), () => undefined);
  $("music").append($("candidates-field"), $("track-field"));
  createGrid($("notes"), store, (bar) => {
    store.set({ bars: { from: bar, to: bar } });
    roll.reveal(barsOf(store.get().song, endOf(store.get().song))[bar].tick);
  });

  function position() {
    const { song } = store.get();
    const tick = player.now();
    const bars = barsOf(song, tick + 1);
    const at = barAt(bars, tick);
    $("where").value = `${at + 1}.${Math.floor((tick - bars[at].tick) / bars[at].beat) + 1}`;
  }

  function animate() {
    if (!player.playing()) return;
    position();
    if (!still.matches || Math.floor(performance.now() / 250) % 2) roll.reveal(player.now());
    roll.redraw();
    requestAnimationFrame(animate);
  }

  /** @param {any} verb */
  const press = (verb) => {
    if (store.get().writing === verb.label) return actions.escape();
    player.ready();
    composer.write(verb, {
      ...controls.values(),
      candidates: Number($("candidates").value),
      track: $("track").value,
      listen: $("listen").checked,
    });
  };

  /** @param {"muted" | "solo"} name */
  const switchTrack = (name) => store.set({ [name]: parts.switched(store.get()[name], store.get().track) });

  /** @type {Record<string, () => void>} */
  const actions = {
    play: () => (player.playing() ? player.stop() : void player.play()),
    home: () => (player.seek(0), (roll.box.scrollLeft = 0), position()),
    record: () => void recorder.toggle(),
    loop: () => store.set({ loop: !store.get().loop }),
    click: () => store.set({ click: !store.get().click }),
    pencil: () => store.set({ tool: "pencil" }),
    select: () => store.set({ tool: "select" }),
    mute: () => switchTrack("muted"),
    solo: () => switchTrack("solo"),
    before: () => composer.flip(-1),
    after: () => composer.flip(1),
    closer: () => roll.zoomTo(roll.view.zoom * 1.3),
    farther: () => roll.zoomTo(roll.view.zoom / 1.3),
    fit: () => roll.fit(),
    all: () => store.set({ selected: new Set(store.get().song.tracks.flatMap((t) => t.notes)) }),
    undo: () => say(store.undo() ? "undone" : "nothing to undo"),
    redo: () => say(store.redo() ? "done again" : "nothing to do again"),
    keep: () => (composer.keep(), say("kept")),
    discard: () => store.undo() && say("discarded; redo brings them back"),
    escape: () => (composer.stop() ? say("cancelled") : store.set({ selected: new Set(), bars: null })),
    help: () => $("keys").showModal(),
    open: () => $("file").click(),
    new: () => (player.stop(0), store.edit({ song: emptySong(), bars: null, candidates: null, selected: new Set(), track: 0 })),
    hear() {
      const { song, track, selected } = store.get();
      const [note] = selected;
      const part = song.tracks[track];
      if (note && part && !player.playing()) void player.sound(track, note[2], part.drums, part.program);
    },
  };
  for (const name of Object.keys(actions)) $(name)?.addEventListener("click", actions[name]);
  const keys = keyTable(store, actions, say);
  useKeys(keys);
  listKeys($("key-list"), keys);

  for (const verb of form.verbs) {
    const button = element("button", { type: "button", "data-verb": verb.name, title: verb.help }, verb.label);
    button.addEventListener("click", () => press(verb));
    $("verbs").append(button);
  }
  $("candidates").append(...Array.from({ length: form.limits.candidates }, (_, i) => element("option", { value: i + 1 }, String(i + 1))));

  const open = openFiles(document.body, form.limits.bytes, (song, name) => {
    player.stop(0);
    store.edit({ song, bars: null, candidates: null, selected: new Set(), track: 0 });
    roll.fit();
    say(`${name}: ${noteCount(song).toLocaleString("en")} notes, ${song.tracks.length} part${song.tracks.length === 1 ? "" : "s"}`);
  }, say);
  $("file").addEventListener("change", () => (open($("file").files[0]), ($("file").value = "")));
  $("export").addEventListener("change", async () => {
    const kind = $("export").value;
    $("export").value = "";
    say("exporting");
    try {
      await exportSong(store.get().song, kind);
      say("exported");
    } catch (fault) {
      say(fault instanceof Error ? fault.message : String(fault), true);
    }
  });
  $("tempo").addEventListener("change", () => {
    const tempo = Number($("tempo").value);
    if (tempo >= 10 && tempo <= 500) store.edit({ song: withTempo(store.get().song, tempo) });
    player.retime();
  });
  document.addEventListener("pointerdown", () => void player.ready(), { once: true });

  const inBars = form.verbs.filter((/** @type {any} */ v) => v.hole).map((/** @type {any} */ v) => v.label);
  const holes = `${inBars.join(" and ")} ${inBars.length > 1 ? "work" : "works"}`;

  /** What the page shows of the state. @param {import("./state.js").State} state */
  function show(state) {
    const some = noteCount(state.song) > 0;
    const shown = some || state.arriving.length > 0;
    $("welcome").hidden = shown || Boolean(state.writing);
    for (const [name, on] of Object.entries({ record: state.recording, loop: state.loop, click: state.click, select: state.tool === "select", pencil: state.tool === "pencil" })) $(name).setAttribute("aria-pressed", String(on));
    document.body.classList.toggle("pencil", state.tool === "pencil");
    $("status").classList.toggle("busy", Boolean(state.writing));
    $("undo").disabled = !store.canUndo();
    $("redo").disabled = !store.canRedo();
    if (document.activeElement !== $("tempo")) $("tempo").value = String(Math.round(tempoOf(state.song) * 10) / 10);
    for (const [index, verb] of form.verbs.entries()) {
      const button = $("verbs").children[index];
      const busy = state.writing === verb.label;
      button.disabled = (verb.tune && !some) || (Boolean(state.writing) && !busy);
      button.classList.toggle("busy", busy);
      button.textContent = busy ? "Stop" : verb.label;
    }
    const { bars, candidates } = state;
    const named = bars && (bars.from === bars.to ? `bar ${bars.from + 1}` : `bars ${bars.from + 1} to ${bars.to + 1}`);
    $("hint").textContent = state.writing ? "Escape cancels." : !some ? "Start here, or open a piece." : bars ? `${holes} on ${named}.` : "Drag over bar numbers to rewrite some bars only.";
    $("flip").hidden = !candidates;
    if (candidates) $("which").value = `${candidates.at + 1} of ${candidates.songs.length}`;
    const options = ["", ...state.song.tracks.map((_, i) => String(i + 1))];
    if ($("track").options.length !== options.length || state.song !== last) {
      const before = $("track").value;
      $("track").replaceChildren(...options.map((value, i) => element("option", { value }, i ? state.song.tracks[i - 1].name || `Part ${i}` : "All")));
      $("track").value = options.includes(before) ? before : "";
      last = state.song;
    }
    $("track-field").hidden = !some;
    roll.redraw();
    if (!player.playing()) position();
    for (const group of document.querySelectorAll("[role=toolbar]")) group.dispatchEvent(new Event("rove"));
  }
  /** @type {import("./music.js").Song | null} */
  let last = null;

  const song = (form.song ? await api.kept().catch((fault) => say(fault.message, true)) : null) ?? remembered();
  if (song) store.set({ song });
  for (const group of document.querySelectorAll("[role=toolbar]")) rove(/** @type {HTMLElement} */ (group));
  store.subscribe(show);
  roll.restyle();
  show(store.get());
  roll.fit();
  autosave(store, form.song, say);
  document.body.dataset.ready = "yes";
}

start().catch((fault) => say(fault.message, true));
