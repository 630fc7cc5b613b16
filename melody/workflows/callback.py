"""What a caller of ``melody.train`` sees of it while it works, and how it stops it. Knows no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from melody.corpus.prepare import Summary
    from melody.errors import MelodyError
    from melody.score import Score
    from melody.training.callbacks import Progress


class TrainCallback:
    """A callback that looks at nothing and lets a run go on to its end; make one of your own by overriding what you want.

    Everything is called from the thread that trains and should be quick. Of several processes only the first one's is called, but
    for ``stop``.

    >>> class Curve(TrainCallback):
    ...     def __init__(self):
    ...         self.nats = []
    ...
    ...     def update(self, progress):
    ...         self.nats.append(progress.nats)
    ...
    ...     def stop(self):
    ...         return len(self.nats) >= 1000
    """

    def working(self, what: str, done: int, total: int) -> None:
        """Something besides the training itself goes on, before it or after: ``done`` of ``total``, which is 0 where that is not known."""

    def prepared(self, summary: Summary) -> None:
        """MIDI files were made into a corpus."""

    def update(self, progress: Progress) -> None:
        """A step was made, or the pieces held out were scored (``progress.valid``)."""

    def sampled(self, step: int, score: Score) -> None:
        """The best weights so far wrote this; comes before the ``update`` of the same step."""

    def missed(self, what: str, fault: MelodyError) -> None:
        """Something beside the run could not be done ("no sample"): the run goes on."""

    def stop(self) -> bool:
        """Whether to save and leave; asked before every step."""
        return False
