"""Score <-> events: the vocabulary table, the grammar, metrical features and what is given.

Knows Scores and integers; knows no files, no model and no torch.
"""

from melody.codec.decode import decode
from melody.codec.encode import Events, Piece, encode, quantise
from melody.codec.given import Choice, Given, choose, given_notes, look_up
from melody.codec.table import FIELDS, ROLES, CodecConfig

__all__ = [
    "FIELDS",
    "ROLES",
    "Choice",
    "CodecConfig",
    "Events",
    "Given",
    "Piece",
    "choose",
    "decode",
    "encode",
    "given_notes",
    "look_up",
    "quantise",
]
