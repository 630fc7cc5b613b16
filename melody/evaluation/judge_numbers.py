"""The two measures of the judge, on rows of numbers: how surely a classifier tells two sets apart, and how far they lie apart.

    AUC       share of all pairs of a person's window and a model's of which the classifier, which saw neither, names the right one:
              0.5 never, 1 always. Gradient boosting in five folds, no piece on both sides of one; mean of two divisions.
    distance  Frechet distance of two clouds, each taken for a normal distribution (Dowson and Landau, 1982), in standard deviations of
              people after a projection on people's 24 first components

Knows no music. The classifier needs scikit-learn (extra ``judge``), the distance does not. Shapes: n windows, f numbers each.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from melody.extras import require

FOLDS, DIVISIONS = 5, 2
ROUNDS, RATE, LEAVES = 150, 0.08, 8
COMPONENTS = 24
SMALLEST_SD = 1e-3
FARTHEST = 8.0  # sd: what lies farther counts as so far

Rows = NDArray[np.float64]


def distinguish(people: Rows, model: Rows, pieces: NDArray[np.int64]) -> tuple[float, Rows]:
    """The AUC, and for all windows (2 n,), people's first, how likely the classifier holds them for a model's.

    ``people``, ``model``: (n, f) each. ``pieces`` (2 n,): which piece a window is from; there must be at least FOLDS on each side.
    Errors: ``MelodyError`` where scikit-learn is missing.
    """
    require("judge", "telling people's music from a model's")
    from sklearn.ensemble import HistGradientBoostingClassifier  # type: ignore[import-untyped]  # ships no types
    from sklearn.metrics import roc_auc_score  # type: ignore[import-untyped]  # ships no types
    from sklearn.model_selection import StratifiedGroupKFold  # type: ignore[import-untyped]  # ships no types

    x, y = np.concatenate([people, model]), np.repeat([0, 1], [len(people), len(model)])
    likely, auc = np.zeros((DIVISIONS, len(y))), []
    with _one_thread():
        for seed in range(DIVISIONS):
            for train, test in StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed).split(x, y, pieces):
                trees = HistGradientBoostingClassifier(
                    learning_rate=RATE, max_iter=ROUNDS, max_leaf_nodes=LEAVES, l2_regularization=1.0, random_state=seed
                )
                likely[seed, test] = trees.fit(x[train], y[train]).predict_proba(x[test])[:, 1]
            auc.append(roc_auc_score(y, likely[seed]))
    return float(np.mean(auc)), likely.mean(0)


@contextmanager
def _one_thread() -> Iterator[None]:
    """For some hundred rows a second thread only waits; scikit-learn brings what limits them."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # comes with scikit-learn, no types

    with threadpool_limits(1):
        yield


@dataclass(frozen=True, eq=False)
class Space:
    """Where distances are measured: numbers in standard deviations of people, on people's first components."""

    mean: Rows  # (f,)
    sd: Rows  # (f,)
    axes: Rows  # (f, c)

    def in_sd(self, rows: Rows) -> Rows:
        """How far each number lies from people's mean (n, f), at most FARTHEST either way."""
        return np.clip((rows - self.mean) / self.sd, -FARTHEST, FARTHEST)

    def project(self, rows: Rows) -> Rows:
        """The windows on the components (n, c)."""
        out: Rows = self.in_sd(rows) @ self.axes
        return out


def space_of(people: Rows) -> Space:
    """The space of some windows of people (n, f)."""
    bare = Space(people.mean(0), np.maximum(people.std(0), SMALLEST_SD), np.zeros((people.shape[1], 0)))
    axes = np.linalg.svd(bare.in_sd(people), full_matrices=False)[2][:COMPONENTS].T
    return Space(bare.mean, bare.sd, axes)


def frechet(a: Rows, b: Rows) -> float:
    """Squared Frechet distance of two clouds (n, c) and (m, c): 0 for equal ones.

    >>> cloud = np.random.default_rng(0).normal(size=(100, 3))
    >>> round(frechet(cloud, cloud + [3, 0, 4]), 6)
    25.0
    """
    one, two = np.cov(a.T).reshape(a.shape[1], -1), np.cov(b.T).reshape(b.shape[1], -1)
    values, vectors = np.linalg.eigh(one)
    root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    shared = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ two @ root), 0)).sum()
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(one) + np.trace(two) - 2 * shared)
