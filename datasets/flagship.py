"""flagship.py CORPUS OUT: what the training of the shipped model begins with.

OUT is a bundle for ``melody train CORPUS --from OUT --recipe flagship``: the model of before (two layers of 512, four styles, the first
vocabulary, 13.4 million notes seen) in a network of the same shape with the styles of CORPUS and the second vocabulary. It scores as
before until it is trained (melody/model/growth.py), so what was learned is not paid for twice.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from melody import bundle
from melody.corpus import Corpus
from melody.model.growth import enlarged

# The styles of before were named after their collections.
HEIRS = {
    "pop": ["pop909"],
    "lieder": ["lieder"],
    "keyboard": ["mutopia"],
    "guitar": ["mutopia"],
    "ragtime": ["mutopia"],
    "folk": ["mutopia"],
    "chorale": ["js-fakes"],
    "hymn": ["js-fakes"],
    "choir": ["js-fakes"],
}


def main() -> None:
    """Write the bundle."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--from", dest="base", help="the model to begin with; by default the one that is shipped")
    given = parser.parse_args()
    old = bundle.read(given.base)
    model = bundle.load_model(old)
    codec = replace(old.codec, styles=tuple(Corpus(given.corpus).styles), version=2)
    training = {k: v for k, v in old.training.items() if k != "habits"}
    bundle.save(given.out, enlarged(model, model.config, codec, HEIRS), training, licence=old.licence)
    print(f"{given.out}: {', '.join(codec.styles)}")


if __name__ == "__main__":
    main()
