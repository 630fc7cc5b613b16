"""A browser without a window, driven over a pipe (the Chrome DevTools Protocol): no package is needed, only Chromium."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run",
    "--autoplay-policy=no-user-gesture-required", "--hide-scrollbars", "--remote-debugging-pipe",
)  # fmt: skip  # one row
PATIENCE = 90.0  # seconds: the machine may be busy
EASE = 0.02  # seconds between two looks


def found() -> str | None:
    """The path of a Chromium, if there is one."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Browser:
    """One tab. Everything waits for what it needs, and raises TimeoutError where it does not come."""

    def __init__(self, folder: Path) -> None:
        import fcntl  # not everywhere

        to_read, self.to = os.pipe()
        self.back, to_write = os.pipe()
        path = found()
        assert path is not None
        high = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (to_read, to_write)]

        def numbered() -> None:
            """The browser reads from 3 and writes to 4."""
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        command = [path, *FLAGS, f"--user-data-dir={folder}", "about:blank"]
        nowhere = subprocess.DEVNULL
        self.process = subprocess.Popen(command, preexec_fn=numbered, pass_fds=(3, 4), stdout=nowhere, stderr=nowhere)  # noqa: PLW1509  # two calls of the system, no lock
        for end in high:
            os.close(end)
        os.close(to_read)
        os.close(to_write)
        self.number, self.rest, self.faults = 0, b"", list[str]()
        self.session: str | None = None
        target = next(t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "DOM", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> Any:
        """One command, and its result."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters} | ({"sessionId": self.session} if self.session else {})
        os.write(self.to, json.dumps(message).encode() + b"\0")
        until = time.monotonic() + PATIENCE
        while True:
            answer = self._next(until)
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]

    def _next(self, until: float) -> dict[str, Any]:
        while b"\0" not in self.rest:
            if not select.select([self.back], [], [], max(0.0, until - time.monotonic()))[0]:
                raise TimeoutError("the browser does not answer")
            data = os.read(self.back, 1 << 20)
            if not data:
                raise RuntimeError("the browser has ended")
            self.rest += data
        line, self.rest = self.rest.split(b"\0", 1)
        message: dict[str, Any] = json.loads(line)
        if message.get("method") == "Runtime.exceptionThrown":
            self.faults.append(message["params"]["exceptionDetails"].get("exception", {}).get("description", "?"))
        if message.get("method") == "Log.entryAdded" and message["params"]["entry"]["level"] == "error":
            self.faults.append(message["params"]["entry"]["text"])
        return message

    def run(self, code: str) -> Any:
        """The value of an expression in the page."""
        answer = self.call("Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True, userGesture=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"]["exception"].get("description", "?"))
        return answer["result"].get("value")

    def wait(self, code: str) -> Any:
        """The value of an expression once it is true."""
        until = time.monotonic() + PATIENCE
        while not (value := self.run(code)):
            if time.monotonic() > until:
                raise TimeoutError(code)
            time.sleep(EASE)
        return value

    def open(self, address: str) -> None:
        """Go to a page and wait until it has started."""
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=address)
        self.wait("document.body?.dataset.ready")

    def size(self, width: int, height: int, dark: bool = False, scale: float = 1) -> None:
        """The window, and whether the system is dark."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=width < 500)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def place(self, selector: str) -> tuple[float, float, float, float]:
        """Left, top, width, height of an element."""
        code = f"(r => [r.x, r.y, r.width, r.height])(document.querySelector({json.dumps(selector)}).getBoundingClientRect())"
        left, top, width, height = self.run(code)
        return left, top, width, height

    def click(self, selector: str) -> None:
        """Press and let go in the middle of an element."""
        self.wait(f"(e => e && !e.disabled)(document.querySelector({json.dumps(selector)}))")
        self.run(f"document.querySelector({json.dumps(selector)}).scrollIntoView({{block: 'nearest'}})")
        left, top, width, height = self.place(selector)
        self.drag((left + width / 2, top + height / 2))

    def drag(self, *points: tuple[float, float]) -> None:
        """The mouse goes down at the first point, through all others, and up."""
        self._mouse("mousePressed", points[0])
        for point in points[1:]:
            self._mouse("mouseMoved", point, 1)
        self._mouse("mouseReleased", points[-1])

    def _mouse(self, kind: str, at: tuple[float, float], held: int = 0) -> None:
        self.call("Input.dispatchMouseEvent", type=kind, x=at[0], y=at[1], button="left", buttons=held, clickCount=1)

    def key(self, key: str, modifiers: int = 0) -> None:
        """One key; modifiers: 2 Control, 8 Shift."""
        text = key if len(key) == 1 and not modifiers & 2 else ""
        code = ord(key.upper()) if len(key) == 1 else 0
        facts = {"key": key, "text": text, "modifiers": modifiers, "windowsVirtualKeyCode": code}
        self.call("Input.dispatchKeyEvent", type="keyDown", **facts)
        self.call("Input.dispatchKeyEvent", type="keyUp", **{**facts, "text": ""})

    def fill(self, selector: str, value: object) -> None:
        """Set a control, as a person who leaves it would."""
        element = f"document.querySelector({json.dumps(selector)})"
        self.run(f"(e => {{ e.value = {json.dumps(str(value))}; e.dispatchEvent(new Event('change', {{bubbles: true}})); }})({element})")

    def choose_file(self, selector: str, path: Path) -> None:
        """Give a file to an input."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[str(path)])

    def picture(self) -> bytes:
        """What is seen, as PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def close(self) -> None:
        """End the browser."""
        with contextlib.suppress(Exception):
            self.session = None
            self.call("Browser.close")
        self.process.kill()
        self.process.wait()
        os.close(self.to)
        os.close(self.back)


@contextlib.contextmanager
def serving(*arguments: str) -> Iterator[tuple[str, int]]:
    """A studio in a process of its own: its address, and the number of the process."""
    command = [sys.executable, "-m", "melody", "studio", "--no-browser", "--port", "0", "--json", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["address"], process.pid
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)


@contextlib.contextmanager
def served(*arguments: str) -> Iterator[str]:
    """A studio in a process of its own; its address."""
    with serving(*arguments) as (address, _):
        yield address
