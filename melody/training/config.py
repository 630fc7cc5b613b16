"""Settings of the run itself: the section [train] of a recipe (training/recipe.py), and what flags put over it. Knows no torch."""

from __future__ import annotations

from dataclasses import dataclass

from melody.settings import check_settings, setting

PRECISIONS = ("auto", "fp32", "bf16")
TUNES = ("all", "heads", "state")  # what a fine-tuning may change (training/tuning.py)


@dataclass(frozen=True)
class TrainConfig:
    """The run. Errors: ``CallError`` that names the setting."""

    steps: int = setting(0, "Updates of the weights; 0: as many as minutes allows.", kind=int, low=0)
    minutes: float = setting(0.0, "Length of the run, to which the learning rate is fitted; 0: as long as steps says.", kind=float, low=0)
    batch: int = setting(32, "Rows of a batch.", kind=int, low=1)
    chunk: int = setting(128, "Events of a row in a batch: the length of truncated backpropagation through time.", kind=int, low=2)
    rate: float = setting(2e-3, "Highest learning rate.", kind=float, low=0, high=1, above=True)
    warmup: int = setting(100, "Updates until the learning rate is highest.", kind=int, low=0)
    final_rate: float = setting(0.02, "Share of the highest learning rate at the end of the cosine.", kind=float, low=0, high=1)
    weight_decay: float = setting(0.01, "Weight decay of AdamW, for the matrices of layers.", kind=float, low=0)
    clip: float = setting(1.0, "Largest norm of the gradient.", kind=float, low=0, above=True)
    average: float = setting(0.999, "Decay of the averaged weights, which are what is kept.", kind=float, low=0, high=1, below=True)
    precision: str = setting("auto", "Of the matrix products; auto tries which is quicker.", kind=str, choices=PRECISIONS)
    threads: int = setting(0, "CPU cores, each with a process of its own; 0: all, where a batch has rows enough.", kind=int, low=0)
    validate_every: int = setting(500, "Updates between validations.", kind=int, low=1)
    validate_notes: int = setting(60_000, "Notes of the validation split that are scored.", kind=int, low=1)
    save_minutes: float = setting(5.0, "Minutes between saves of the run.", kind=float, low=0)
    save_every: int = setting(0, "Updates between saves; 0: by minutes only.", kind=int, low=0)
    keep: int = setting(3, "Checkpoints of the last saves that stay in RUN/last, besides the best in RUN; 0: none.", kind=int, low=0)
    rollback: int = setting(
        8, "Bad updates in a row after which the run returns to earlier weights and halves its rate; 0: never.", kind=int, low=0
    )
    patience: int = setting(0, "Validations in a row without a better one after which the run stops; 0: never.", kind=int, low=0)
    tune: str = setting(
        "all",
        "Which weights a fine-tuning changes: all, the heads, or state (a vector and a first state for each style).",
        kind=str,
        choices=TUNES,
    )
    interpolation: float = setting(
        1.0,
        "How far a fine-tuned model goes from the weights it began with (0) to those it learned (1); between them it forgets less.",
        kind=float,
        low=0,
        high=1,
        above=True,
    )
    seed: int = setting(0, "Of the weights, the order of the pieces and their variation.", kind=int, low=0, high=(1 << 63) - 1)

    def __post_init__(self) -> None:
        check_settings(self)
