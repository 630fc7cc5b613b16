"""Known collections of music, and the download of those that are offered as one file.

- ``collections``, ``find``: the table, datasets/catalogue.toml
- ``fetch``: one file of it, resumed, bounded, checked; it is never unpacked or run. ``Rules``: what a server may cost
"""

from melody.data.catalogue import Collection, collections, find
from melody.data.fetching import Fetched, fetch
from melody.data.https import Rules

__all__ = ["Collection", "Fetched", "Rules", "collections", "fetch", "find"]
