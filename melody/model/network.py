"""EventLSTM: a stacked recurrent language model over compound events, with what is given looked up by time.

One event is one step of the body; a chain of small heads then chooses the fields one after the other, each seeing the
body's output, the fields chosen before it and, once ``wait`` is chosen, metre and given notes at the new time.

Shapes: T time, B batch, L layers, H width, G given notes. Integers in (arrays of the codec), nats out. The recurrent
state is a value that goes in and comes out. Knows the codec's table; does not know files, corpora or sampling.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from melody.codec.columns import DISTANCES, Lookup, StepInputs, condition_sizes, distance_sizes, feature_sizes
from melody.codec.grammar import legal_values
from melody.codec.table import MAX_PARTS, UNDECLARED, CodecConfig, Field, Role, kind_of
from melody.model.encoder import GivenEncoder
from melody.model.recall import Recall
from melody.model.values import Context, Heads, Inputs, ModelConfig, State, diagonal, given_at, misread, rows_of, side_by_side

CELLS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}


class EventLSTM(nn.Module):
    """The model. ``forward`` scores whole batches; ``context``, ``advance`` and ``head`` are the same steps, one by one."""

    def __init__(self, config: ModelConfig, codec: CodecConfig) -> None:
        super().__init__()
        self.config, self.codec = config, codec
        width, head = config.width, config.head_width
        sizes = codec.sizes
        distances, metre = distance_sizes(codec), feature_sizes(codec)
        # the piece
        self.program = nn.Embedding(codec.programs, head)
        self.number = nn.Embedding(MAX_PARTS, head)
        self.part_flags = nn.Embedding(4, head)  # lead, given
        self.parts_body = nn.Linear(head, width, bias=False)
        self.parts_head = nn.Linear(head, head, bias=False)
        self.conditions = nn.ModuleList(nn.Embedding(n, width) for n in condition_sizes(codec))
        # what is given
        self.encoder = GivenEncoder(config, codec)
        self.given_body = nn.Linear(2 * config.given_width, 2 * width, bias=False)
        self.given_head = nn.Linear(2 * config.given_width, 2 * head, bias=False)
        self.distance_body = nn.ModuleList(nn.Embedding(n, width) for n in distances)
        self.distance_head = nn.ModuleList(nn.Embedding(n, head) for n in distances)
        # the events
        self.fields = nn.ModuleList(nn.Embedding(n, width) for n in sizes)
        self.metre_body = nn.ModuleList(nn.Embedding(n, width) for n in metre)
        self.metre_head = nn.ModuleList(nn.Embedding(n, head) for n in metre)
        if config.recall_width:
            self.recall = Recall(config, codec)
        if config.initial:
            self.initial = nn.Embedding(1 + len(codec.styles), 2 * config.layers * width)
        # the body
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(config.layers + 1))
        self.cells = nn.ModuleList(CELLS[config.cell](width, width) for _ in range(config.layers))
        # the heads
        self.to_heads = nn.Linear(width, len(Field) * head)
        self.chosen = nn.ModuleList(nn.Embedding(n, head * (len(Field) - 1 - f)) for f, n in enumerate(sizes[:-1]))
        self.part_query = nn.Linear(head, head)
        self.logits = nn.ModuleList(nn.Linear(head, n) if f != Field.PART else nn.Identity() for f, n in enumerate(sizes))
        self._initialise()

    def _initialise(self) -> None:
        """Small embeddings, open forget gates; a style that has learned no beginning begins in zeros."""
        for module in self.modules():
            if isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight, std=self.config.embedding_sd)
            elif isinstance(module, nn.LSTM):
                hidden = module.hidden_size
                with torch.no_grad():  # forget gates start open (Jozefowicz et al., 2015)
                    module.get_parameter("bias_ih_l0")[hidden : 2 * hidden] = 1.0
                    module.get_parameter("bias_hh_l0")[hidden : 2 * hidden] = 0.0
        if self.config.initial:
            nn.init.zeros_(self.initial.weight)

    def blank_state(self, batch: int) -> State:
        """Zeros (L, B, H)."""
        zeros = torch.zeros((self.config.layers, batch, self.config.width), device=self.to_heads.weight.device)
        return State(zeros, zeros.clone())

    def initial_state(self, conditions: Tensor) -> State:
        """Where pieces of some conditions (B, 5) begin, (L, B, H): zeros, or what their style has learned."""
        if not self.config.initial:
            return self.blank_state(len(conditions))
        begin = self.initial(conditions[:, 0]).view(len(conditions), 2, self.config.layers, self.config.width)
        return State(*begin.permute(1, 2, 0, 3).contiguous().unbind(0))

    def context(self, parts: Tensor, conditions: Tensor, given: Tensor, causal: Tensor) -> Context:
        """(B, 16, 3), (B, 5), (G, B, 7), (B,) -> Context."""
        piece = self._piece(parts, conditions)
        encoded = self.encoder(given, self._described(parts), causal)  # (G, B, E)
        nothing = self.encoder.nothing[:, None].expand(2, len(parts), -1)  # last: nothing, next: nothing
        body, head = (
            torch.cat([diagonal(project(nothing)), project(encoded).unflatten(-1, (2, -1))])
            for project in (self.given_body, self.given_head)
        )
        return piece._replace(given_body=body, given_head=head)

    def _described(self, parts: Tensor) -> Tensor:
        """The parts of each row (B, 16, P)."""
        program, lead, held = parts.unbind(-1)
        described: Tensor = self.program(program) + self.number.weight + self.part_flags(lead + 2 * held)
        return described

    def _piece(self, parts: Tensor, conditions: Tensor) -> Context:
        """A Context without given notes."""
        program, _, held = parts.unbind(-1)
        described = self._described(parts)
        allowed = (program != UNDECLARED) & (held == 0)
        last_part = torch.where(allowed, torch.arange(MAX_PARTS, device=parts.device), 0).amax(-1)
        piece = sum((table(conditions[:, i]) for i, table in enumerate(self.conditions)), torch.zeros(()))
        none = piece.new_zeros(0)
        kinds = kind_of(self.codec, program)
        return Context(self.parts_body(described), self.parts_head(described), allowed, last_part, kinds, piece, none, none)

    def _look(self, inputs: Inputs) -> Tensor:
        """Encodings of the last given note and of the next one at every time (T + 1, B, 2 * E)."""
        encoded, start, stride = self.encoder.grouped(inputs.given, self._described(inputs.parts), inputs.causal)
        halves = []
        for side in (Lookup.LAST, Lookup.NEXT):
            index = inputs.steps.lookups[..., side]
            found = F.embedding(start + (index - 1).clamp(min=0) * stride, encoded)
            halves.append(torch.where((index > 0)[..., None], found, self.encoder.nothing[side].to(found.dtype)))
        return torch.cat(halves, -1)

    def embed(self, context: Context, steps: StepInputs[Tensor]) -> Tensor:
        """Input of the body (T, B, H): the event, its part, the metre, what is given at its time and what is recalled there."""
        return self._embed(context, steps) + given_at(context.given_body, steps.lookups)

    def _embed(self, context: Context, steps: StepInputs[Tensor]) -> Tensor:
        """``embed`` but for the given notes themselves."""
        x = context.piece
        events = misread(steps.events, self.config.noise) if self.training and self.config.noise else steps.events
        for i, table in enumerate(self.fields):
            x = x + table(events[..., i])
        for i, table in enumerate(self.metre_body):
            x = x + table(steps.features[..., i])
        for column, table in zip(DISTANCES, self.distance_body, strict=True):
            x = x + table(steps.lookups[..., column])
        if self.config.recall_width:
            x = x + self.recall(steps.recalled)
        role, part = steps.events[..., Field.ROLE], steps.events[..., Field.PART]
        names_a_part = (role == Role.NOTE) | (role == Role.PART)
        return x + rows_of(context.parts_body, part) * names_a_part[..., None]

    def advance(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Body: (T, B, H) and the state before -> (T, B, H) and the state after."""
        if len(x) == 1 and not self.training and x.device.type == "cpu":
            return self._advance_one(x, state)
        hidden, cell = [], []
        for i, (norm, layer) in enumerate(zip(self.norms, self.cells, strict=False)):
            inner = norm(x)
            if self.config.cell == "lstm":
                out, (h, c) = layer(inner, (state.hidden[i : i + 1].to(inner.dtype), state.cell[i : i + 1].to(inner.dtype)))
            else:
                out, h = layer(inner, state.hidden[i : i + 1].to(inner.dtype))
                c = state.cell[i : i + 1]
            x = x + self._drop(out)
            hidden.append(h)
            cell.append(c)
        return self.norms[-1](x), State(torch.cat(hidden).float(), torch.cat(cell).float())

    def _advance_one(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One step on the CPU by the cell functions: ``nn.LSTM`` would copy its weights into oneDNN's order at every call."""
        hidden, cell = [], []
        x = x[0]
        for i, (norm, layer) in enumerate(zip(self.norms, self.cells, strict=False)):
            w_in, w_state, b_in, b_state = (layer.get_parameter(f"{n}_l0") for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
            h, c = state.hidden[i], state.cell[i]
            if self.config.cell == "lstm":
                h, c = torch.lstm_cell(norm(x), (h, c), w_in, w_state, b_in, b_state)
            else:
                cell_step = torch.gru_cell if self.config.cell == "gru" else torch.rnn_tanh_cell
                h = cell_step(norm(x), h, w_in, w_state, b_in, b_state)
            x = x + h
            hidden.append(h)
            cell.append(c)
        return self.norms[-1](x)[None], State(torch.stack(hidden), torch.stack(cell))

    def begin_heads(self, y: Tensor, recalled: Tensor) -> Heads:
        """Body output (..., H) and what is recalled (..., 5, 6) -> what the heads start from."""
        return Heads(self._begin(y), recalled, torch.zeros(*y.shape[:-1], len(Field), dtype=torch.long, device=y.device))

    def _begin(self, y: Tensor) -> Tensor:
        heads: Tensor = self.to_heads(self._drop(y))
        return heads.view(*heads.shape[:-1], len(Field), -1)

    def _drop(self, x: Tensor) -> Tensor:
        """Dropout (T, B, H) with one mask for all steps (Gal and Ghahramani, 2016)."""
        if not self.training or not self.config.dropout:
            return x
        return x * F.dropout(torch.ones_like(x[:1]), self.config.dropout)

    def choose_field(self, heads: Heads, field: int, value: Tensor) -> Heads:
        """The later heads know that ``field`` was chosen as ``value`` (...)."""
        later = self.chosen[field](value).unflatten(-1, (len(Field) - 1 - field, -1))
        chosen = torch.cat([heads.chosen[..., :field], value[..., None], heads.chosen[..., field + 1 :]], -1)
        return heads.plus(field + 1, later)._replace(chosen=chosen)

    def set_time(self, context: Context, heads: Heads, features: Tensor, lookups: Tensor) -> Heads:
        """The heads after ``wait`` know the new time: metre and given notes."""
        return heads.plus(Field.PART, self.time_embedding(context, features, lookups)[..., None, :])

    def time_embedding(self, context: Context, features: Tensor, lookups: Tensor) -> Tensor:
        """(..., 4), (..., 5) -> (..., P)."""
        return self._time_embedding(features, lookups) + given_at(context.given_head, lookups)

    def _time_embedding(self, features: Tensor, lookups: Tensor) -> Tensor:
        """``time_embedding`` but for the given notes themselves."""
        out = torch.zeros((), device=features.device)
        for i, table in enumerate(self.metre_head):
            out = out + table(features[..., i])
        for column, table in zip(DISTANCES, self.distance_head, strict=True):
            out = out + table(lookups[..., column])
        return out

    def choose_part(self, context: Context, heads: Heads, part: Tensor, role: Tensor) -> Heads:
        """Pitch, duration and velocity know which part plays (not while parts are declared: that would give away the program)."""
        described = rows_of(context.parts_head, part) * (role == Role.NOTE)[..., None]
        return heads.plus(Field.PITCH, described[..., None, :])

    def field_logits(self, context: Context, heads: Heads, field: int) -> Tensor:
        """Logits (..., values) of one field, the grammar not yet applied."""
        return self._with_copies(context, F.relu(heads.z[..., field, :]), heads.recalled, heads.chosen, Field(field))

    def _with_copies(self, context: Context, z: Tensor, recalled: Tensor, chosen: Tensor, field: Field) -> Tensor:
        logits = self._logits(context, z, field).float()
        return self.recall.add_copy_logits(logits, z, recalled, chosen, field) if self.config.recall_width else logits

    def _logits(self, context: Context, z: Tensor, field: int) -> Tensor:
        """(..., B, P) -> (..., B, values): a linear map; for the part, products with the piece's own part vectors."""
        if field == Field.PART:
            return torch.einsum("...bp,bnp->...bn", self.part_query(z), context.parts_head)
        logits: Tensor = self.logits[field](z)
        return logits

    def forward(self, inputs: Inputs, state: State | None = None) -> tuple[Tensor, State]:
        """Nats of every field of every target (T, B, 6), and the state after the batch. Grammar applied.

        Rows that are ``reset``, and all rows where no state comes in, begin as pieces do.
        """
        logits, state = self._legal_logits(inputs, state)
        target = inputs.steps.events[1:]
        nats = [
            F.cross_entropy(field_logits.flatten(0, 1), target[..., field].flatten(), reduction="none").view(target.shape[:2])
            for field, field_logits in zip(Field, logits, strict=True)
        ]
        return torch.stack(nats, -1), state

    def log_probs(self, inputs: Inputs, state: State | None = None) -> tuple[tuple[Tensor, ...], State]:
        """Of every field the log probabilities (T, B, V) of all its values, the true earlier fields known; and the state after.

        -inf where the grammar forbids. State and resets as in ``forward``, whose nats these are at the targets.
        """
        logits, state = self._legal_logits(inputs, state)
        return tuple(field_logits.log_softmax(-1) for field_logits in logits), state

    def _legal_logits(self, inputs: Inputs, state: State | None) -> tuple[Iterator[Tensor], State]:
        """Logits (T, B, V) field by field, each made when it is asked for, -inf where the grammar forbids; and the state after."""
        # What sampling projects once for the whole piece is projected here where it is looked up: the same sums, less padding.
        context, looked = self._piece(inputs.parts, inputs.conditions), self._look(inputs)
        begin = self.initial_state(inputs.conditions)
        state = begin if state is None else state.where_not(inputs.reset, begin)
        before, after = inputs.steps.at(slice(None, -1)), inputs.steps.at(slice(1, None))
        x = self._embed(context, before)
        x = x + F.linear(looked[:-1], side_by_side(self.given_body.weight))
        y, state = self.advance(x, state)
        time = self._time_embedding(after.features, after.lookups)
        time = time + F.linear(looked[1:], side_by_side(self.given_head.weight))
        return self._chained(context, y, time, before, after.events), state

    def _chained(self, context: Context, y: Tensor, time: Tensor, before: StepInputs[Tensor], target: Tensor) -> Iterator[Tensor]:
        """The chain of heads on the body's output (T, B, H), the fields of ``target`` chosen one after the other."""
        heads = self._begin(y).unbind(-2)
        playing = (target[..., Field.ROLE] == Role.NOTE)[..., None]
        kind = rows_of(context.kinds[..., None], target[..., Field.PART])[..., 0]
        part = rows_of(context.parts_head, target[..., Field.PART]) * playing
        choices = [table(target[..., f]).unflatten(-1, (len(Field) - 1 - f, -1)).unbind(-2) for f, table in enumerate(self.chosen)]
        for field in Field:
            z = sum((choices[f][field - f - 1] for f in range(field)), heads[field])
            if field >= Field.PART:
                z = z + time
            if field >= Field.PITCH:
                z = z + part
            logits = self._with_copies(context, F.relu(z), before.recalled, target, field)
            values = torch.arange(logits.shape[-1], device=logits.device)
            allowed, last_part = context.allowed, context.last_part
            legal = legal_values(self.codec, torch, field, before.events, target, allowed, last_part, values, kind)
            yield logits.masked_fill(~legal, -math.inf)
