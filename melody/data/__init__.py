"""Known collections of music, and how the files of those that can be had as one file come from the net.

- ``collections``, ``find``: the table, datasets/catalogue.toml
- ``fetch``: one file of it, resumed, bounded, checked; it is never unpacked or run
"""

from melody.data.catalogue import Collection, collections, find
from melody.data.fetch import Fetched, fetch
from melody.data.https import Rules

__all__ = ["Collection", "Fetched", "Rules", "collections", "fetch", "find"]
