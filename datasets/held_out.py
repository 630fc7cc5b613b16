"""held_out.py CORPUS OUT: pieces that were kept out of training as MIDI files, OUT/STYLE/valid/*.mid and OUT/STYLE/test/*.mid.

For what compares folders of MIDI, a judge or another program. Bar lines are those of the corpus.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from melody.corpus import Corpus
from melody.errors import MelodyError


def main() -> None:
    """Write the files; a piece that MIDI cannot hold (more instruments than channels) is named and left out."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    corpus = Corpus(given.corpus)
    written = 0
    for split in ("valid", "test"):
        for i in corpus.split(split):
            facts = corpus.pieces[i]
            folder = given.out / facts.style / split
            folder.mkdir(parents=True, exist_ok=True)
            try:
                corpus.score(i).save(folder / f"{i:05}.mid")
                written += 1
            except MelodyError as fault:
                print(f"{facts.source}: left out ({fault})")
    print(f"{given.out}: {written} pieces of {len(corpus.styles)} styles")


if __name__ == "__main__":
    main()
