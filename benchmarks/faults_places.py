"""Where the outputs of faults_disk.py lie, and where a download comes from: a small disk, and a server on this machine."""

from __future__ import annotations

import hashlib
import http.server
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MOUNT, UNMOUNT = shutil.which("mount") or "/bin/mount", shutil.which("umount") or "/bin/umount"
SIZE = 64 << 20  # bytes of the small disk
CONTENT = hashlib.sha256(b"content").digest() * 10_000


@contextmanager
def disk(folder: Path) -> Iterator[bool]:
    """A small disk in memory at ``folder``; False where that is not allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [MOUNT, "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0
    except OSError:
        mounted = False
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run([UNMOUNT, "-l", str(folder)], check=False)


def fill(folder: Path, spare: int) -> None:
    """Fill a disk up to some bytes."""
    facts = os.statvfs(folder)
    size = facts.f_bavail * facts.f_frsize - spare
    with open(folder / "filler", "wb", buffering=0) as file, suppress(OSError):
        while size > 0:
            size -= file.write(bytes(min(size, 1 << 16)))


@contextmanager
def serving() -> Iterator[str]:
    """A server on this machine that has one file."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            with suppress(OSError):
                self.wfile.write(CONTENT)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
