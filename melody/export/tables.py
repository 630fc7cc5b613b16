"""The tables of a runtime file that numpy uses, from the weights of a model: what can be multiplied out beforehand is."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from melody.codec.columns import COPIED_FIELDS, Condition
from melody.codec.table import Field
from melody.runtime.layout import INPUT_STEPS, MAX_EXACT, Layout

Weights = dict[str, NDArray[np.float32]]


def numpy_tables(w: Weights, layout: Layout) -> dict[str, NDArray[Any]]:
    """The tables by name, see ``Layout.tables``; linear maps of sums of embeddings become sums of mapped embeddings."""
    out: dict[str, NDArray[Any]] = {}
    query, bias = w["part_query.weight"], w["part_query.bias"]
    for name, key in (("program", "program"), ("number", "number"), ("flags", "part_flags")):
        described = w[f"{key}.weight"]
        body, head, encoder = (described @ w[f"{way}.weight"].T for way in ("parts_body", "parts_head", "encoder.part"))
        out[f"part.{name}"] = np.concatenate([body, head, head @ query, (head @ bias)[:, None], encoder], -1)
    out["conditions"] = np.concatenate([w[f"conditions.{i}.weight"] for i in range(len(Condition))])
    out["given.notes"] = np.concatenate([w[f"encoder.embed.{i}.weight"] for i in range(len(layout.given_columns))])
    out["given.own"] = np.concatenate([w["encoder.pitch.weight"], w["encoder.duration.weight"]])
    for way in ("forwards", "backwards"):
        out[f"given.{way}.input"] = w[f"encoder.{way}.weight_ih_l0"].T
        out[f"given.{way}.state"] = w[f"encoder.{way}.weight_hh_l0"].T
        out[f"given.{way}.bias"] = w[f"encoder.{way}.bias_ih_l0"] + w[f"encoder.{way}.bias_hh_l0"]
    width, head_width = layout.width, layout.head
    body, heads = w["given_body.weight"].T, w["given_head.weight"].T  # (2 E, 2 H), (2 E, 2 P): as the last note, as the next one
    out["given.out"] = np.concatenate([body[:, :width], heads[:, :head_width], body[:, width:], heads[:, head_width:]], -1)
    last, following = w["encoder.nothing"] @ out["given.out"]
    out["given.nothing"] = np.stack([last[: width + head_width], following[width + head_width :]])
    out["arrive"] = np.concatenate(
        [w[f"metre_head.{i}.weight"] for i in range(len(layout.metre))]
        + [w[f"distance_head.{i}.weight"] for i in range(len(layout.distances))]
    )
    for field in Field:
        if field != Field.VELOCITY:
            out[f"chosen.{int(field)}"] = w[f"chosen.{int(field)}.weight"]
        weights, biases = [], []
        if layout.values(field):
            weights.append(w[f"logits.{int(field)}.weight"].T)
            biases.append(w[f"logits.{int(field)}.bias"])
        if layout.gates(field):
            weights.append(w[f"recall.gates.{COPIED_FIELDS.index(field)}.weight"].T)
            biases.append(w[f"recall.gates.{COPIED_FIELDS.index(field)}.bias"])
        if weights:
            weight = np.concatenate(weights, -1)
            max_weight = min(MAX_EXACT // (INPUT_STEPS * layout.head), 32767)
            scale = np.abs(weight).max(0) / max_weight
            scale = np.where(scale > 0, scale, 1).astype(np.float32)
            out[f"head.{int(field)}.weight"] = np.rint(weight / scale).astype(np.int16)
            out[f"head.{int(field)}.scale"] = scale / INPUT_STEPS
            out[f"head.{int(field)}.bias"] = np.concatenate(biases)
    if layout.recall:
        out["trust"] = w["recall.trust"]
    if layout.initial:
        out["initial"] = w["initial.weight"]
    return out
