"""``python -m melody.studio``: the studio with the shipped model, on the usual port."""

import sys

from melody.errors import MelodyError
from melody.studio import serve

if __name__ == "__main__":
    try:
        serve(ready=lambda address: print(f"studio at {address} (Ctrl-C ends it)", flush=True))
    except MelodyError as fault:
        print(f"melody: {fault}", file=sys.stderr)
        sys.exit(fault.status)
