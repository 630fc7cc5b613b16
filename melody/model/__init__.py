"""EventLSTM, a stacked recurrent language model over compound events."""

from melody.model.network import CELLS, EventLSTM
from melody.model.values import Context, Inputs, ModelConfig, State, to_tensors

__all__ = ["CELLS", "Context", "EventLSTM", "Inputs", "ModelConfig", "State", "to_tensors"]
