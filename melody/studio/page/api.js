// The only module that talks to the server. Every error is an Error whose message is one line for people.

/** @typedef {import("./music.js").Song} Song */
/** @typedef {{is: string, candidate: number, note?: any, song?: Song, line?: string, tempo?: number, meter?: number[]}} Message */

const KEPT = "melody.token";
if (location.hash.length > 1) sessionStorage.setItem(KEPT, location.hash.slice(1));
const token = sessionStorage.getItem(KEPT) ?? "";
const tab = crypto.randomUUID();

/** @param {string} path @param {RequestInit} [options] */
async function asked(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { ...options, headers: { "x-studio-token": token, "x-studio-tab": tab } });
  } catch (fault) {
    if (options.signal?.aborted) throw fault;
    throw new Error("the studio does not answer; is it still running?");
  }
  if (!answer.ok) throw new Error((await answer.text()).slice(0, 300) || `the studio answered ${answer.status}`);
  return answer;
}

/** What can be asked for. */
export async function form() {
  return (await asked("/api/form")).json();
}

/** The song of a file. @param {Blob} file @returns {Promise<Song>} */
export async function read(file) {
  return (await asked("/api/read", { method: "POST", body: file })).json();
}

/** A song as a file. @param {"midi" | "musicxml" | "wav"} kind @param {Song} song */
export async function exported(kind, song) {
  return (await asked(`/api/export/${kind}`, { method: "POST", body: JSON.stringify(song) })).blob();
}

/** The song file that was named when the studio was started. @returns {Promise<Song | null>} */
export async function kept() {
  return (await asked("/api/song")).json();
}

/** @param {Song} song */
export async function keep(song) {
  await asked("/api/song", { method: "PUT", body: JSON.stringify(song) });
}

/**
 * Ask for music, and hear of everything that happens. Aborting `signal` cancels the work.
 * @param {object} request @param {AbortSignal} signal @param {(message: Message) => void} happened
 */
export async function write(request, signal, happened) {
  const answer = await asked("/api/write", { method: "POST", body: JSON.stringify(request), signal });
  const reader = /** @type {ReadableStream<Uint8Array>} */ (answer.body).getReader();
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) happened(JSON.parse(line));
  }
}
