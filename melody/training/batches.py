"""Batches made ahead of time by a thread, while the model works."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Any

from melody.corpus.batch import Batch
from melody.corpus.stream import Stream

AHEAD = 4  # batches that wait


def prefetched(stream: Stream) -> Iterator[tuple[Batch, dict[str, Any]]]:
    """Batches with the position of the stream after each, encoded in a thread while the model works."""
    waiting: queue.Queue[tuple[Batch, dict[str, Any]] | BaseException | None] = queue.Queue(AHEAD)
    over = threading.Event()

    def put(item: tuple[Batch, dict[str, Any]] | BaseException | None) -> bool:
        while not over.is_set():
            try:
                waiting.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        try:
            for batch in stream:
                if not put((batch, stream.position)):
                    return
            put(None)
        except BaseException as fault:  # noqa: BLE001  # handed to the consumer, who raises it
            put(fault)

    thread = threading.Thread(target=work, name="melody-loader", daemon=True)
    thread.start()
    try:
        while (item := waiting.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        over.set()
        thread.join()
