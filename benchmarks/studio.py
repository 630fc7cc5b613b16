"""How soon does the studio sound, how does it hold under many, and does it stay smooth? A server in a process of its own.

python benchmarks/studio.py [--model base] [--times 20] [--clients 30] [--requests 2000] [--notes 5000]

first note   from the request, or from the click in Chromium, to the first note: sent, and heard (sound leaves the page's last node)
clients      as many as were asked for, each a tab of its own, all at the same moment, each for 8 bars: times to the whole piece
requests     one after the other, as a page and as strangers send them (a tenth write a bar); what the server's memory grew by
             after the first tenth
frames       frames a second of the roll with so many notes while it plays and follows, in a headless Chromium without a GPU
"""

from __future__ import annotations

import http.client
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from bench import Table, Target, finish, parsed

from melody import midi
from melody.score import Score, Track, note_table

sys.path.append(str(Path(__file__).resolve().parents[1]))  # the browser that the tests walk with
from tests.studio.browser import Browser, found, serving
from tests.studio.test_walk import LEVEL, LOUD, QUIET

FIRST, SLOWEST, GROWTH, FRAMES = 1.0, 3.0, 50.0, 59.0  # to reach
LISTEN = f"""new Promise(done => {{
    const begin = performance.now(), look = () => ({LOUD}) ? done(performance.now() - begin) : setTimeout(look, 4);
    document.querySelector('[data-verb=generate]').click();
    look();
}})"""
COUNT = """new Promise(done => {
    let frames = 0, work = 0;
    const begin = performance.now(), later = window.requestAnimationFrame.bind(window);
    window.requestAnimationFrame = (what) => later((now) => {
        const from = performance.now();
        what(now);
        work += performance.now() - from;
    });
    const next = () => {
        frames++;
        const took = performance.now() - begin;
        took < 3000 ? later(next) : done([frames / took * 1000, work / frames]);
    };
    later(next);
})"""


class Client:
    """One tab, without a browser."""

    def __init__(self, address: str, tab: str = "tab") -> None:
        place, token = address.removeprefix("http://").split("/#")
        self.host, self.headers = place, {"x-studio-token": token, "x-studio-tab": tab}

    def ask(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        """Status and body of one request."""
        connection = http.client.HTTPConnection(self.host, timeout=600)
        connection.request(method, path, body, self.headers | (headers or {}))
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        return answer.status, data

    def write(self, bars: int, seed: int) -> tuple[float, float]:
        """Seconds to the first note of a piece, and to its end."""
        connection = http.client.HTTPConnection(self.host, timeout=600)
        begin, first = time.perf_counter(), 0.0
        connection.request("POST", "/api/write", json.dumps({"verb": "generate", "settings": {"bars": bars, "seed": seed}}), self.headers)
        for line in connection.getresponse():
            if not first and b'"note"' in line:
                first = time.perf_counter() - begin
        connection.close()
        return first, time.perf_counter() - begin


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure."""
    quick = {"times": 2, "clients": 2, "requests": 20, "notes": 50}
    options = parsed(__file__, __doc__, arguments, (), quick, model=None, times=20, clients=30, requests=2000, notes=5000)
    words = ["--model", options.model] if options.model else []
    with serving(*words) as (address, number):
        Client(address).write(2, 0)
        sent = [Client(address).write(8, seed)[0] for seed in range(options.times)]
        waits = at_once(address, options.clients)
        grown = growth(address, number, options.requests)
        heard, frames = in_page(address, options.times, options.notes) if found() else (None, (None, None))
    slowest = max(waits) / statistics.fmean(waits)
    firsts = [["sent", statistics.median(sent), max(sent)], *([["heard", statistics.median(heard), max(heard)]] if heard else [])]
    tables = [
        Table({"first note": "", "median s": ".3f", "slowest s": ".3f"}, firsts, f"{options.times} pieces, one after the other"),
        Table(
            {"clients at once": ",", "mean s": ".2f", "slowest s": ".2f", "slowest / mean": ".2f"},
            [[options.clients, statistics.fmean(waits), max(waits), slowest]],
        ),
        Table({"requests": ",", "MB grown": ".1f"}, [[options.requests, grown]]),
        Table({"notes on the roll": ",", "frames a second": ".0f", "ms of the page's own work in each": ".1f"}, [[options.notes, *frames]]),
    ]
    targets = [
        Target("seconds to the first note, heard" if heard else "seconds to the first note, sent", firsts[-1][1], FIRST, ".2f", most=True),
        Target("slowest of the clients, times the mean", slowest, SLOWEST, ".2f", most=True),
        Target("MB grown", grown, GROWTH, ".1f", most=True),
        *([Target("frames a second", frames[0], FRAMES, ".0f")] if frames[0] else []),
    ]
    answer = f"the first note after {firsts[-1][1]:.2f} s; {options.clients} at once: the slowest waits {slowest:.2f} times the mean"
    finish(options, answer, tables, targets, ["onnxruntime", "starlette", "uvicorn"])


def at_once(address: str, count: int) -> list[float]:
    """Seconds that each of many tabs waits for its piece."""
    waits = [0.0] * count
    gate = threading.Barrier(count)

    def one(number: int) -> None:
        client = Client(address, f"tab {number}")
        gate.wait()
        waits[number] = client.write(8, number)[1]

    threads = [threading.Thread(target=one, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return waits


def growth(address: str, number: int, count: int) -> float:
    """MB by which the server's memory grew from the first tenth of the requests to the last one."""
    client, before = Client(address), 0.0
    piece = midi.to_bytes(many_notes(200))
    for n in range(count):
        kind = n % 10
        if kind == 0:
            client.write(1, n)
        elif kind < 3:
            client.ask("POST", "/api/read", piece)
        elif kind < 5:
            client.ask("GET", "/api/form")
        elif kind < 7:
            client.ask("GET", "/page/main.js")
        elif kind == 7:
            client.ask("GET", "/api/form", headers={"Origin": "http://elsewhere.example"})
        elif kind == 8:
            client.ask("POST", "/api/read", b"no music")
        else:
            client.ask("POST", "/api/write", b"{")
        if n == count // 10:
            before = memory(number)
    return memory(number) - before


def memory(number: int) -> float:
    """MB that a process holds; 0 where the system does not say."""
    try:
        lines = Path(f"/proc/{number}/status").read_text("utf-8").splitlines()
    except OSError:
        return 0.0
    return next(int(line.split()[1]) / 1000 for line in lines if line.startswith("VmRSS"))


def many_notes(count: int) -> Score:
    """A piece of so many notes in four parts, over some minutes."""
    rng = np.random.default_rng(0)
    each = count // 4
    drawn = [(np.sort(rng.integers(0, count * 60, each)), rng.integers(40, 90, each)) for _ in range(4)]
    parts = [Track(str(n), n, notes=note_table(onset, [200] * each, pitch, [80] * each)) for n, (onset, pitch) in enumerate(drawn)]
    return Score(tuple(parts))


def in_page(address: str, times: int, notes: int) -> tuple[list[float], tuple[float, float]]:
    """Seconds from clicks to sound, and frames a second of a full roll."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        page = Browser(Path(profile, "profile"))
        page.call("Page.addScriptToEvaluateOnNewDocument", source=LEVEL)
        page.size(1400, 900)
        page.open(address)
        heard = [listened(page, seed) for seed in range(times + 1)][1:]  # the first one loads the sound
        many_notes(notes).save(Path(profile, "many.mid"))
        page.choose_file("#file", Path(profile, "many.mid"))
        page.wait("document.querySelector('#status').textContent.startsWith('many.mid')")
        page.run("document.querySelector('#play').click()")
        page.wait("document.body.classList.contains('playing')")
        frames = tuple(page.run(COUNT))
        page.close()
    return heard, frames


def listened(page: Any, seed: int) -> float:
    """Seconds from the click on Generate until the page sounds."""
    page.run("document.querySelector('#new').click()")
    time.sleep(2.5)  # what sounded has faded
    page.fill("#set-bars", 8)
    page.fill("#set-seed", seed)
    milliseconds: float = page.run(LISTEN)
    page.wait(QUIET)
    page.run("document.querySelector('#play').click()")
    return milliseconds / 1000


if __name__ == "__main__":
    main()
