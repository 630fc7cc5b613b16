"""The routes of the studio. All state is the page's own; the server keeps an engine and, where one was named, a song file.

    GET  /                     the page; /page/NAME its files; /soundfont the sound
    GET  /api/form             what can be asked (``form.py``)
    POST /api/write            a request (``form.requests_of``); the answer is a line of JSON for each thing that happens (``worker.py``)
    POST /api/read             a MIDI, MusicXML or ABC file -> a song (``song.py``)
    POST /api/export/KIND      a song -> midi, musicxml or wav
    GET, PUT /api/song         the song file

An error is one line of text.
"""

from __future__ import annotations

import asyncio
import io
import json
import wave
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from melody import midi, notation, render
from melody.compose.composer import Composer
from melody.compose.task import Task
from melody.errors import CallError, MelodyError
from melody.files import read_bytes, write_bytes
from melody.render import sampler
from melody.render.recording import sixteen_bits
from melody.score import Score
from melody.studio import limits
from melody.studio.form import form, requests_of
from melody.studio.guard import App, Guard, RefusedError
from melody.studio.song import Plain, from_page, to_page
from melody.studio.worker import Worker

PAGE = Path(__file__).parent / "page"
KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
MIDI, MUSICXML, WAV = "audio/midi", "application/vnd.recordare.musicxml+xml", "audio/wav"


def studio(composer: Composer, port: int, token: str, song: Path | None = None) -> App:
    """The whole app. ``song``: a MIDI file that the page opens, and writes as it changes."""
    worker = Worker(composer)
    files = {p.relative_to(PAGE).as_posix(): p for p in PAGE.rglob("*") if p.suffix in KINDS}  # names are looked up, never joined

    async def page(request: Request) -> Response:
        found = files.get(request.path_params.get("name", "index.html"))
        if found is None:
            return PlainTextResponse("no such file", 404)
        return FileResponse(found, media_type=KINDS[found.suffix])

    async def soundfont(request: Request) -> Response:
        return FileResponse(sampler.shipped(), media_type="application/octet-stream", headers={"cache-control": "max-age=86400"})

    async def settings(request: Request) -> Response:
        return JSONResponse(form(composer.bundle) | {"song": song is not None})

    async def write(request: Request) -> Response:
        asked = _json(await request.body())

        def tasks() -> tuple[tuple[str, ...], list[Task]]:
            requests = requests_of(asked)
            return requests[0].remarks(composer.bundle), [one.task(composer.bundle) for one in requests]

        remarks, made = await run_in_threadpool(tasks)
        happening = _lines(worker, request.headers.get("x-studio-tab", "")[:64], made, remarks)
        return StreamingResponse(happening, media_type="application/x-ndjson")

    async def read(request: Request) -> Response:
        data = await request.body()
        return JSONResponse(await run_in_threadpool(lambda: to_page(_parsed(data, "the file"))))

    async def export(request: Request) -> Response:
        kind = request.path_params["kind"]
        if kind not in EXPORTS:
            return PlainTextResponse("no such format", 404)
        sent = _json(await request.body())
        data = await run_in_threadpool(lambda: EXPORTS[kind][1](from_page(sent)))
        return Response(data, media_type=EXPORTS[kind][0])

    async def kept(request: Request) -> Response:
        if song is None or not song.exists():
            return JSONResponse(None)
        return JSONResponse(await run_in_threadpool(lambda: to_page(_parsed(read_bytes(song, limits.UPLOAD_BYTES), song.name))))

    async def keep(request: Request) -> Response:
        if song is None:
            return PlainTextResponse("no song file was named", 409)
        sent = _json(await request.body())
        await run_in_threadpool(lambda: write_bytes(song, midi.to_bytes(from_page(sent))))
        return Response(status_code=204)

    @asynccontextmanager
    async def life(app: Starlette) -> AsyncIterator[None]:
        yield
        worker.close()

    routes = [
        Route("/", page),
        Route("/page/{name:path}", page),
        Route("/soundfont", soundfont),
        Route("/api/form", settings),
        Route("/api/write", write, methods=["POST"]),
        Route("/api/read", read, methods=["POST"]),
        Route("/api/export/{kind}", export, methods=["POST"]),
        Route("/api/song", kept),
        Route("/api/song", keep, methods=["PUT"]),
    ]
    return Guard(Starlette(routes=routes, lifespan=life, exception_handlers={MelodyError: _said, RefusedError: _refused}), port, token)


async def _said(request: Request, fault: Exception) -> Response:
    """An error of melody as one line: 400 for a wrong call, 422 for work that failed."""
    return PlainTextResponse(" ".join(str(fault).split()), 400 if isinstance(fault, CallError) else 422)


async def _refused(request: Request, fault: Exception) -> Response:
    """A body that was too large or too slow."""
    assert isinstance(fault, RefusedError)
    return PlainTextResponse(str(fault), fault.status, {"connection": "close"})


async def _lines(worker: Worker, tab: str, tasks: list[Task], remarks: tuple[str, ...]) -> AsyncIterator[bytes]:
    """What happens to a job, a line of JSON each; remarks on the request come first. Who stops reading cancels it."""
    loop, happened = asyncio.get_running_loop(), asyncio.Queue[Plain]()

    for line in remarks:
        happened.put_nowait({"is": "remark", "line": line})

    def emit(message: Plain) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(happened.put_nowait, message)

    job = worker.submit(tab, tasks, emit)
    try:
        while True:
            messages = [await happened.get()]
            while not happened.empty():
                messages.append(happened.get_nowait())
            yield b"".join(json.dumps(m, separators=(",", ":")).encode() + b"\n" for m in messages)
            if messages[-1]["is"] == "end":
                return
    finally:
        worker.cancel(job)


def _parsed(data: bytes, name: str) -> Score:
    """A file that was dropped. Errors: ``MelodyError``."""
    found = notation.parse(data, name, midi.Limits(max_bytes=limits.UPLOAD_BYTES, max_notes=limits.NOTES, max_tracks=limits.TRACKS))
    if not found.note_count:
        raise MelodyError(f"{name}: has no notes")
    return found


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise CallError("the request is no JSON") from None


def _wav(score: Score) -> bytes:
    if score.duration_seconds > limits.SOUND_SECONDS:
        raise MelodyError(f"a WAV file holds at most {limits.SOUND_SECONDS / 60:.0f} minutes; shorten the piece, or export MIDI")
    sound = render.audio(score)
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(sound.shape[1])
        file.setsampwidth(2)
        file.setframerate(sampler.RATE)
        for part in sixteen_bits(sound):
            file.writeframes(part.tobytes())
    return out.getvalue()


EXPORTS: dict[str, tuple[str, Callable[[Score], bytes]]] = {
    "midi": (MIDI, midi.to_bytes),
    "musicxml": (MUSICXML, notation.to_musicxml),
    "wav": (WAV, _wav),
}
