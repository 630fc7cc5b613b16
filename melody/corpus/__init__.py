"""Collections of MIDI as memory-mapped note tables, and streams of batches that are encoded on the fly."""

from melody.corpus.tables import Corpus, CorpusWriter, PieceFacts

__all__ = ["Corpus", "CorpusWriter", "PieceFacts"]
