// Songs as values: what a song is, where its bars are, and edits that make a new song of it. Knows no page.
// Times are ticks; a song has `ticks` to the quarter note. A note is never changed: an edit makes another one.

/** @typedef {[number, number, number, number]} Note onset, duration, pitch, velocity */
/** @typedef {{name: string, program: number, drums: boolean, notes: Note[], pedal?: number[][]}} Track */
/** @typedef {{ticks: number, tempi: number[][], meters: number[][], keys: any[][], chords: [number, string][], tracks: Track[]}} Song */
/** @typedef {{tick: number, length: number, beat: number}} Bar first tick, ticks, ticks of a beat */

const NAMES = ["C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B"];

/** A song without notes. @returns {Song} */
export function emptySong() {
  return { ticks: 480, tempi: [[0, 500000]], meters: [[0, 4, 4]], keys: [], chords: [], tracks: [] };
}

/** @param {Song} song */
export function noteCount(song) {
  return song.tracks.reduce((sum, track) => sum + track.notes.length, 0);
}

/** The tick at which the last note ends. @param {Song} song */
export function endOf(song) {
  let end = 0;
  for (const track of song.tracks) for (const [onset, duration] of track.notes) if (onset + duration > end) end = onset + duration;
  return end;
}

/** The bars from the start until one begins at or after `until`, at least one. @param {Song} song @param {number} until @returns {Bar[]} */
export function barsOf(song, until) {
  const meters = song.meters.length && song.meters[0][0] === 0 ? song.meters : [[0, 4, 4], ...song.meters];
  /** @type {Bar[]} */
  const bars = [];
  for (let i = 0; i < meters.length; i++) {
    const [start, upper, lower] = meters[i];
    const next = i + 1 < meters.length ? meters[i + 1][0] : Infinity;
    const beat = Math.max(1, (song.ticks * 4) / lower);
    const length = beat * upper;
    for (let tick = start; tick < Math.min(next, Math.max(1, until)); tick += length) {
      bars.push({ tick, length: Math.min(length, next - tick), beat });
      if (bars.length > 20000) return bars;
    }
  }
  return bars;
}

/** How many bars have music. @param {Song} song */
export function barCount(song) {
  return barsOf(song, endOf(song)).length;
}

/** Index of the bar in which a tick lies. @param {Bar[]} bars @param {number} tick */
export function barAt(bars, tick) {
  let low = 0;
  let high = bars.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (bars[middle].tick <= tick) low = middle;
    else high = middle - 1;
  }
  return Math.max(0, low);
}

/** @param {Song} song @param {number} tick */
export function secondsAt(song, tick) {
  let seconds = 0;
  for (let i = 0; i < song.tempi.length; i++) {
    const [from, mspq] = song.tempi[i];
    const to = i + 1 < song.tempi.length ? song.tempi[i + 1][0] : Infinity;
    if (tick <= from) break;
    seconds += ((Math.min(tick, to) - from) * mspq) / 1e6 / song.ticks;
  }
  return seconds;
}

/** The inverse of `secondsAt`. @param {Song} song @param {number} seconds */
export function tickAt(song, seconds) {
  let left = seconds;
  for (let i = 0; i < song.tempi.length; i++) {
    const [from, mspq] = song.tempi[i];
    const per = mspq / 1e6 / song.ticks;
    const to = i + 1 < song.tempi.length ? song.tempi[i + 1][0] : Infinity;
    if (left <= (to - from) * per) return from + left / per;
    left -= (to - from) * per;
  }
  return 0;
}

/** The tempo at the start, in quarter notes a minute. @param {Song} song */
export function tempoOf(song) {
  return 6e7 / (song.tempi[0]?.[1] ?? 500000);
}

/** The song with another tempo at the start; later ones keep their proportion. @param {Song} song @param {number} tempo @returns {Song} */
export function withTempo(song, tempo) {
  const factor = tempoOf(song) / Math.min(500, Math.max(10, tempo));
  const tempi = (song.tempi.length ? song.tempi : [[0, 500000]]).map(([tick, mspq]) => [tick, Math.min(16777215, Math.max(1, Math.round(mspq * factor)))]);
  return { ...song, tempi };
}

/** "C4", "F♯3". @param {number} pitch */
export function pitchName(pitch) {
  return NAMES[pitch % 12] + (Math.floor(pitch / 12) - 1);
}

/** @param {Note} a @param {Note} b */
const inOrder = (a, b) => a[0] - b[0] || a[2] - b[2];

/** The song whose notes are what `edit` makes of each: one note, several, or none. @param {Song} song @param {(note: Note, track: number) => Note[]} edit @returns {Song} */
export function mapNotes(song, edit) {
  const tracks = song.tracks.map((track, index) => ({ ...track, notes: track.notes.flatMap((note) => edit(note, index)).sort(inOrder) }));
  return { ...song, tracks };
}

/** The song without some notes. @param {Song} song @param {Set<Note>} chosen */
export function without(song, chosen) {
  return mapNotes(song, (note) => (chosen.has(note) ? [] : [note]));
}

/**
 * The song with another note in the place of each chosen one, and those notes.
 * @param {Song} song @param {Set<Note>} chosen @param {(note: Note) => Note} change @returns {[Song, Set<Note>]}
 */
export function changed(song, chosen, change) {
  /** @type {Set<Note>} */
  const made = new Set();
  const next = mapNotes(song, (note) => {
    if (!chosen.has(note)) return [note];
    const other = change(note);
    made.add(other);
    return [other];
  });
  return [next, made];
}

/** A note moved in time and pitch, within what MIDI knows. @param {number} ticks @param {number} steps @returns {(note: Note) => Note} */
export function moved(ticks, steps) {
  return ([onset, duration, pitch, velocity]) => [Math.max(0, onset + ticks), duration, Math.min(127, Math.max(0, pitch + steps)), velocity];
}

/** A note that begins and ends on a grid. @param {number} grid @returns {(note: Note) => Note} */
export function quantised(grid) {
  return ([onset, duration, pitch, velocity]) => [
    Math.round(onset / grid) * grid,
    Math.max(grid, Math.round(duration / grid) * grid),
    pitch,
    velocity,
  ];
}

/** The song with one more note; a song without parts gets a piano. @param {Song} song @param {number} track @param {Note} note @returns {Song} */
export function withNote(song, track, note) {
  const tracks = song.tracks.length ? [...song.tracks] : [{ name: "Piano", program: 0, drums: false, notes: [] }];
  const at = Math.min(track, tracks.length - 1);
  tracks[at] = { ...tracks[at], notes: [...tracks[at].notes, note].sort(inOrder) };
  return { ...song, tracks };
}

/** The notes that begin in a range of ticks and pitches. @param {Song} song @param {number} from @param {number} to @param {number} low @param {number} high */
export function notesWithin(song, from, to, low, high) {
  /** @type {Set<Note>} */
  const found = new Set();
  for (const track of song.tracks)
    for (const note of track.notes)
      if (note[0] < to && note[0] + note[1] > from && note[2] >= low && note[2] <= high) found.add(note);
  return found;
}
