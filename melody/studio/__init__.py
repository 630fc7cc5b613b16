"""The studio: one page on this computer, to hear, see and change music with a model. ``melody studio``, or ``python -m melody.studio``.

limits   every bound of the server: the largest upload, the longest wait
server   the socket, the token, the browser
guard    who may ask, and how much
app      the routes
form     the settings of the requests, as controls of the page
worker   the one thread that samples, and whose turn it is
song     a Score as plain values
page/    the page itself: HTML, CSS, ES modules that a browser runs as they are

Needs the extra ``studio`` (starlette, uvicorn). Nothing leaves the computer, and nothing is kept but a song file that the user names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from melody.studio.server import serve

__all__ = ["serve"]


def __getattr__(name: str) -> Any:
    """``serve`` is imported when it is asked for: its packages are an extra."""
    if name == "serve":
        from melody.studio.server import serve

        return serve
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
