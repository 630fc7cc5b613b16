"""What each General MIDI instrument can play: its range, and whether it sounds one note at a time.

One row a program: lowest and highest MIDI pitch of its comfortable range (what parts for it are mostly written in), how many semitones
beyond them are possible at the extremes, and how many notes it can hold at once (0: any number). Pitches sound as written here:
a contrabass's E1 is 28, the piccolo's top C 108.

Sources: S. Adler, The Study of Orchestration, 3rd ed., 2002 (strings, winds, brass, percussion, harp, voices); keyboards by their
compass, plucked instruments by their tuning and frets. Sounds that no instrument fixes (synthesisers, effects) have the range in which
their General MIDI names make sense: a lead that of a voice, a pad that of strings, a bass that of a bass guitar.
"""

from __future__ import annotations

from dataclasses import dataclass

# first program, last program, lowest, highest, semitones beyond below and above, notes at once
_ROWS = """
    0   7   28  96   7  12  0  # pianos, harpsichord, clavinet
    8   8   60 103   0   5  0  # celesta
    9   9   79 108   0   0  0  # glockenspiel
   10  10   60  96   5  12  0  # music box
   11  11   53  89   0   0  0  # vibraphone
   12  12   48  91   3   5  0  # marimba
   13  13   65 103   0   5  0  # xylophone
   14  14   60  77   0   0  0  # tubular bells
   15  15   50  79   5   9  0  # dulcimer
   16  20   36  96   7   0  0  # organs
   21  21   41  89   0   4  0  # accordion
   22  22   60  91   5   5  1  # harmonica
   23  23   41  89   0   4  0  # tango accordion
   24  31   40  81   2   7  6  # guitars
   32  39   28  55   5  12  1  # basses
   40  40   55  93   0  10  1  # violin
   41  41   48  84   0   9  1  # viola
   42  42   36  72   0  11  1  # cello
   43  43   28  55   4  12  1  # contrabass
   44  44   36  93   8  10  0  # tremolo strings
   45  45   36  88   8   8  0  # pizzicato strings
   46  46   31  96   7   7  0  # harp
   47  47   41  57   3   2  1  # timpani
   48  51   36  93   8  10  0  # string ensembles
   52  54   43  79   5   5  0  # choir, voices: a section or several
   55  55   36  84  12  12  0  # orchestra hit
   56  56   55  82   3   4  1  # trumpet
   57  57   40  70   6   5  1  # trombone
   58  58   29  55   5  10  1  # tuba
   59  59   55  82   3   4  1  # muted trumpet
   60  60   41  74   7   3  1  # French horn
   61  63   41  81   7   5  0  # brass sections
   64  64   58  86   2   4  1  # soprano saxophone
   65  65   50  80   1   5  1  # alto saxophone
   66  66   45  75   1   5  1  # tenor saxophone
   67  67   38  68   2   5  1  # baritone saxophone
   68  68   58  86   0   5  1  # oboe
   69  69   52  79   0   4  1  # English horn
   70  70   34  67   0   8  1  # bassoon
   71  71   50  86   0   8  1  # clarinet
   72  72   74 105   0   3  1  # piccolo
   73  73   60  93   1   5  1  # flute
   74  74   60  91   5   7  1  # recorder
   75  79   60  91   5   5  1  # pipes, bottle, whistles, ocarina
   80  87   48  88  12   8  0  # synthesiser leads
   88  95   36  88   8   8  0  # synthesiser pads
   96 103   36  88   8   8  0  # synthesiser effects
  104 104   48  77   5   5  6  # sitar
  105 105   48  86   0   7  5  # banjo
  106 106   50  79   2   7  3  # shamisen
  107 107   55  84   3   3  6  # koto
  108 108   60  79   5   5  0  # kalimba
  109 109   56  77   0   2  1  # bagpipe
  110 110   55  88   0   8  2  # fiddle
  111 111   57  81   2   4  1  # shanai
  112 112   72  91   5   5  0  # tinkle bell
  113 113   60  84   5   5  0  # agogo
  114 114   52  84   2   5  0  # steel drums
  115 119   36  72  12  12  0  # percussive sounds
  120 127   36  84  12  12  0  # sound effects
"""


@dataclass(frozen=True)
class Range:
    """What an instrument plays, in MIDI pitches, ends included: comfortably, and at the extremes."""

    lowest: int
    low: int
    high: int
    highest: int
    voices: int = 0  # notes that it can hold at once; 0: any number


def _parsed() -> tuple[Range, ...]:
    out: list[Range] = []
    for line in _ROWS.strip().splitlines():
        first, last, low, high, below, above, voices = (int(word) for word in line.split("#")[0].split())
        assert first == len(out)
        out += [Range(low - below, low, high, high + above, voices)] * (last - first + 1)
    return tuple(out)


RANGES = _parsed()  # by program
DRUM_RANGE = Range(27, 35, 59, 87)  # keys of a kit: bass drum to ride cymbal; those of General MIDI 2
# A plain kit: bass drum, snare, closed, pedal and open hi-hat, crash, ride, and three toms
PLAIN_KIT = (36, 38, 42, 44, 46, 49, 51, 45, 47, 50)


def instrument_range(program: int, is_drum: bool = False) -> Range:
    """The range of a General MIDI program 0..127, or of a drum kit.

    >>> instrument_range(58).low, instrument_range(58).highest  # a tuba
    (29, 65)
    """
    return DRUM_RANGE if is_drum else RANGES[program]
