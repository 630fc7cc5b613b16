// The ruler above the roll: numbers of bars, the chords, the bars that are selected.

/** @typedef {import("./music.js").Bar} Bar */

export const GUTTER = 46; // pixels of the keyboard, which the ruler leaves free

/** Ticks of selected bars, which may end to the right of what is seen. @param {{from: number, to: number}} chosen @param {Bar[]} bars @returns {[number, number] | null} */
export function spanOf(chosen, bars) {
  const first = bars[chosen.from];
  if (!first) return null;
  const last = bars[Math.min(chosen.to, bars.length - 1)];
  return [first.tick, last.tick + last.length];
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {{state: import("./state.js").State, bars: Bar[], width: number, height: number, first: number, zoom: number,
 *   x: (tick: number) => number, ink: {[name: string]: string}}} view
 */
export function drawRuler(pen, { state, bars, width, height, first, zoom, x, ink }) {
  pen.fillStyle = ink.surface;
  pen.fillRect(0, 0, width, height);
  const span = state.bars && spanOf(state.bars, bars);
  if (span) {
    pen.fillStyle = ink["accent-soft"];
    pen.fillRect(x(span[0]), 0, x(span[1]) - x(span[0]), height);
    pen.fillStyle = ink.accent;
    pen.fillRect(x(span[0]), 0, x(span[1]) - x(span[0]), 3);
  }
  pen.textBaseline = "middle";
  pen.textAlign = "left";
  pen.font = "11px system-ui, sans-serif";
  const wide = bars.length ? (bars[0].length / state.song.ticks) * zoom : 1;
  const every = [1, 2, 4, 8, 16, 32, 64, 128].find((n) => n * wide > 34) ?? 256;
  for (let i = first; i < bars.length; i++) {
    if (i % every) continue;
    pen.fillStyle = ink["line-strong"];
    pen.fillRect(Math.round(x(bars[i].tick)), 5, 1, height - 5);
    pen.fillStyle = ink["ink-soft"];
    pen.fillText(String(i + 1), x(bars[i].tick) + 5, 13);
  }
  let free = GUTTER - 4;
  pen.font = "600 12px system-ui, sans-serif";
  pen.fillStyle = ink.ink;
  for (const [tick, label] of state.song.chords) {
    const at = x(tick);
    if (at < free || at > width || !label) continue;
    pen.fillText(label, at + 5, 33);
    free = at + pen.measureText(label).width + 12;
  }
  pen.fillStyle = ink.surface;
  pen.fillRect(0, 0, GUTTER, height);
  pen.fillStyle = ink["line-strong"];
  pen.fillRect(0, height - 1, width, 1);
  pen.fillRect(GUTTER - 1, 0, 1, height);
}
