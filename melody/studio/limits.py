"""How much the studio takes, and for how long it waits. Every bound of its server stands here."""

UPLOAD_BYTES = 10 << 20  # of a file that is dropped on the page, and of any other body
BODY_SECONDS = 30.0  # in which a body has to have come
HEADER_SECONDS = 10.0  # in which the headers of a request have to have come
CONNECTIONS = 256  # at once; further ones are answered with 503

CANDIDATES = 8  # that one request may ask for
ROWS = 32  # pieces that are written at once; further ones wait for their turn
WAITING = 256  # pieces that may wait
WRITTEN_NOTES = 50_000  # of one piece
WRITING_SECONDS = 120.0  # for one request; then it ends where it is

NOTES = 50_000  # of a song that comes from the page
TRACKS = 256
CHANGES = 20_000  # of tempo, meter, key, and of a pedal
TICK = 2**31  # and later there are no notes
SOUND_SECONDS = 1200.0  # of a WAV file
