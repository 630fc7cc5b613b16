// The parts of the song as a row of chips: which one is written into, solo, mute.

import { element } from "./controls.js";

/** @typedef {import("./state.js").Store} Store */

/** @param {HTMLElement} place @param {Store} store @param {string[]} programs */
export function createParts(place, store, programs) {
  let shown = "";

  /** @param {string} text @param {string} label @param {boolean} on @param {string} kind @param {() => void} pressed */
  function toggle(text, label, on, kind, pressed) {
    const made = element("button", { type: "button", className: `mini ${kind}`, "aria-pressed": String(on), "aria-label": label, title: label }, text);
    made.addEventListener("click", pressed);
    return made;
  }

  /** @param {Set<number>} set @param {number} index @returns {Set<number>} */
  const switched = (set, index) => (set.has(index) ? new Set([...set].filter((i) => i !== index)) : new Set([...set, index]));

  function show() {
    const { song, arriving, track, muted, solo } = store.get();
    const parts = song.tracks.map((t, index) => ({ index, name: t.name || (t.drums ? "Drums" : programs[t.program]), count: t.notes.length, sound: t.drums ? "Drums" : programs[t.program] }));
    for (const a of arriving)
      if (!parts.some((p) => p.index === a.track)) parts.push({ index: a.track, name: a.name, count: 0, sound: a.drums ? "Drums" : programs[a.program] });
    parts.sort((a, b) => a.index - b.index);
    const key = JSON.stringify([parts, track, [...muted], [...solo]]);
    if (key === shown) return;
    shown = key;
    const focus = place.contains(document.activeElement) ? [...place.querySelectorAll("button")].indexOf(/** @type {any} */ (document.activeElement)) : -1;
    place.replaceChildren(
      ...parts.map(({ index, name, sound }) => {
        const pick = element(
          "button",
          { type: "button", className: "pick", "aria-pressed": String(index === track), title: `${name} (${sound}): the pencil writes into this part` },
          element("span", { className: `dot part-${index % 8}`, "aria-hidden": "true" }),
          element("span", { className: "name" }, name),
        );
        pick.addEventListener("click", () => store.set({ track: index }));
        return element(
          "div",
          { className: "part", role: "group", "aria-label": name },
          pick,
          toggle("S", `Solo ${name}`, solo.has(index), "solo", () => store.set({ solo: switched(store.get().solo, index) })),
          toggle("M", `Mute ${name}`, muted.has(index), "mute", () => store.set({ muted: switched(store.get().muted, index) })),
        );
      }),
    );
    place.hidden = !parts.length;
    if (focus >= 0) /** @type {HTMLElement | undefined} */ ([...place.querySelectorAll("button")][focus])?.focus();
    place.dispatchEvent(new Event("rove"));
  }

  store.subscribe(show);
  show();
  return { switched };
}
