"""How alike two sets of pieces are, feature by feature.

    overlap   area that two densities share, 0..1: of the mean histograms, or of kernel densities of the pieces' values
    OA        overlap area after Yang and Lerch (2020): of the kernel densities of all distances between two human pieces,
              and between a human and another piece; 1 means that the set is as near to the humans as they are to each other

Kernel densities are Gaussian, their width by Scott's rule (D. W. Scott, Multivariate Density Estimation, 1992).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from melody.evaluation.features import FEATURES, Feature

POINTS = 512  # at which densities are compared
REACH = 4  # kernel widths on both sides
MAX_DISTANCES = 20_000  # kernels of more are of a sample: the shape is the same

Vector = NDArray[np.float64]
Pieces = Sequence[Mapping[str, Vector]]


def compared(human: Pieces, model: Pieces, others: Pieces) -> dict[str, Any]:
    """Every feature: mean of ``human`` and ``model`` pieces and how alike they are; beside it other human pieces (the ceiling).

    What cannot be said (fewer than two human pieces, no notes that have the feature) is None.
    """
    return {feature.name: _compare(feature, *(_rows(feature, pieces) for pieces in (human, model, others))) for feature in FEATURES}


def _rows(feature: Feature, pieces: Pieces) -> NDArray[np.float64]:
    rows = [p[feature.name] for p in pieces if feature.name in p]
    return np.array(rows) if rows else np.zeros((0, len(feature.labels)))


def _compare(feature: Feature, human: Vector, model: Vector, others: Vector) -> dict[str, Any]:
    return {
        "kind": feature.kind,
        "labels": list(feature.labels),
        "human": _plain(_mean(human)),
        "model": _plain(_mean(model)),
        "others": _plain(_mean(others)),
        "overlap": _overlap(feature, human, model),
        "overlap_human": _overlap(feature, human, others),
        "oa": oa(human, model),
        "oa_human": oa(human, others),
    }


def _mean(rows: Vector) -> Vector:
    known = ~np.isnan(rows)
    count = known.sum(0)
    total = np.where(known, rows, 0).sum(0)
    mean: Vector = np.divide(total, count, out=np.full(rows.shape[1], np.nan), where=count > 0)
    return mean


def _plain(values: Vector) -> list[float | None]:
    return [round(float(v), 6) if np.isfinite(v) else None for v in values]


def _overlap(feature: Feature, a: Vector, b: Vector) -> float | None:
    if feature.kind == "histogram":
        shared = np.minimum(_mean(a), _mean(b)).sum()
        return round(float(shared), 4) if np.isfinite(shared) else None
    each = [shared_area(a[:, c][~np.isnan(a[:, c])], b[:, c][~np.isnan(b[:, c])]) for c in range(a.shape[1])]
    known = [v for v in each if v is not None]
    return round(sum(known) / len(known), 4) if known else None


def oa(human: Vector, other: Vector) -> float | None:
    """Overlap area of the distances within ``human`` (n, d) and those between ``human`` and ``other`` (m, d)."""
    keep = ~(np.isnan(human).all(0) | np.isnan(other).all(0)) if len(human) and len(other) else np.zeros(human.shape[1], bool)
    human, other = human[:, keep], other[:, keep]
    human, other = human[~np.isnan(human).any(1)], other[~np.isnan(other).any(1)]
    if len(human) < 2 or not len(other) or not human.shape[1]:
        return None
    within = _distances(human, human)[np.triu_indices(len(human), 1)]
    between = _distances(human, other).ravel()
    return shared_area(_fewer(within), _fewer(between))


def _distances(a: Vector, b: Vector) -> Vector:
    square = (a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2 * a @ b.T
    out: Vector = np.sqrt(np.maximum(square, 0))
    return out


def _fewer(values: Vector) -> Vector:
    return values if len(values) <= MAX_DISTANCES else np.random.default_rng(0).choice(values, MAX_DISTANCES, replace=False)


def shared_area(a: Vector, b: Vector) -> float | None:
    """Area under the lower of two kernel densities, 0..1; None where one has no values."""
    if not len(a) or not len(b):
        return None
    least = 1e-3 * max(1e-6, float(np.ptp(np.concatenate([a, b]))))  # equal values are a narrow peak, not an infinite one
    width_a, width_b = _width(a, least), _width(b, least)
    low = min(a.min() - REACH * width_a, b.min() - REACH * width_b)
    high = max(a.max() + REACH * width_a, b.max() + REACH * width_b)
    edges = np.linspace(low, high, POINTS + 1)
    # Masses of intervals, not heights at points: a peak that is narrower than an interval keeps its area.
    return round(float(np.minimum(_masses(a, width_a, edges), _masses(b, width_b, edges)).sum()), 4)


def _width(values: Vector, least: float) -> float:
    return float(max(values.std() * len(values) ** -0.2, least))


def _masses(values: Vector, width: float, edges: Vector) -> Vector:
    """Mass (n - 1,) of the kernel density between ``edges``: values counted finely first, then smoothed by the kernel."""
    centre = (edges[1:] + edges[:-1]) / 2
    count, _ = np.histogram(values, edges)
    kernel = np.exp(-0.5 * ((centre[:, None] - centre[None]) / width) ** 2)
    kernel /= kernel.sum(0, keepdims=True)
    masses: Vector = kernel @ (count / count.sum())
    return masses
