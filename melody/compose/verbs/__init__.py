"""The verbs that write music, one file each: what can be asked, and how that becomes a plan. ``REQUESTS`` is the table of all."""

from melody.compose.request import Request
from melody.compose.verbs.accompany import Accompany
from melody.compose.verbs.continue_ import Continue
from melody.compose.verbs.generate import Generate
from melody.compose.verbs.infill import Infill
from melody.compose.verbs.vary import Vary

REQUESTS: dict[str, type[Request]] = {
    "generate": Generate,
    "continue": Continue,
    "accompany": Accompany,
    "infill": Infill,
    "vary": Vary,
}

__all__ = ["REQUESTS", "Accompany", "Continue", "Generate", "Infill", "Request", "Vary"]
