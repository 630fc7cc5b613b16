"""Bundles: a trained model as one folder, and where the shipped ones are.

    model.safetensors   weights, fp32 or bf16
    bundle.json         format, model config, codec config, training facts, data and licence, sha256 of the weights, digest of all this
    README.md           the model card

``read`` checks everything it can without torch; ``load_model`` builds the network. Nothing is ever unpickled. Digests show damage,
not who made a bundle; one whose ``bundle.json`` was written before it had a digest of its own is read without.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from melody.codec import CodecConfig
from melody.codec.columns import POINTERS, condition_sizes, feature_sizes
from melody.codec.table import VERSIONS
from melody.errors import CallError, MelodyError, Remedy, unknown
from melody.files import open_regular, read_bytes, reason, sha256, shown, write_bytes
from melody.tensors import MAX_HEADER, parse_header, unique_names

if TYPE_CHECKING:
    from melody.model import EventLSTM, ModelConfig

FORMAT = 1
WEIGHTS = "model.safetensors"
FACTS = "bundle.json"
CARD = "README.md"
NEXT = ".next"  # inside the folder of a run: the bundle that is about to take the place of the one in it
MAX_FACTS = 1 << 20  # bytes of bundle.json
MAX_WEIGHTS = 1 << 30  # bytes of model.safetensors
LONGEST_STYLE = 255  # characters of its name: that of a folder
DEFAULT = "base"
KEYS = {"format", "model", "codec", "training", "data", "licence", "sha256", "digest"}  # of bundle.json
KINDS = {"F32", "BF16", "F16"}  # of numbers that weights are stored in


@dataclass(frozen=True)
class Bundle:
    """A bundle that was read and whose weights' digest agrees. ``model`` holds the plain values of a ModelConfig."""

    folder: Path
    name: str
    codec: CodecConfig
    model: Mapping[str, Any]
    training: Mapping[str, Any] = field(default_factory=dict)
    data: tuple[Mapping[str, Any], ...] = ()
    licence: str = ""
    sha256: str = ""

    def style_named(self, name: str | None) -> str | None:
        """A style of the model by its name, or by one that an earlier model had for it ("aliases" of its facts). Errors: ``CallError``."""
        if name is None or name in self.codec.styles:
            return name
        aliases = self.training.get("aliases")
        if not isinstance(aliases, Mapping) or aliases.get(name) not in self.codec.styles:
            raise unknown("style", name, self.codec.styles)
        return str(aliases[name])


def shipped() -> dict[str, Path]:
    """Names and folders of the bundles that come with the package (installed, or in ``checkpoints/`` of a checkout).

    >>> "base" in shipped()
    True
    """
    here = Path(__file__).resolve().parent
    found: dict[str, Path] = {}
    for root in (here.parent / "checkpoints", here / "checkpoints"):
        if root.is_dir():
            found |= {p.parent.name: p.parent for p in sorted(root.glob(f"*/{FACTS}"))}
    return found


def find(name: str | os.PathLike[str] | None = None) -> Path:
    """Folder of a bundle by path or by the name of a shipped one; the default model if nothing is said.

    >>> find().name
    'base'
    """
    known = shipped()
    wanted = DEFAULT if name is None else os.fspath(name)
    if wanted in known and os.sep not in wanted:
        return known[wanted]
    folder = Path(wanted)
    if (folder / FACTS).is_file():
        return folder
    if folder.is_dir():
        raise MelodyError(f"{shown(folder)}: not a bundle (no {FACTS} in it)", Remedy.TRAIN)
    if os.sep in wanted:
        raise MelodyError(f"{shown(folder)}: no such folder; give a bundle's folder or one of: {', '.join(known) or '(none shipped)'}")
    raise unknown("model", wanted, known)


def read(name: str | os.PathLike[str] | None = None, verify: bool = True) -> Bundle:
    """Read and check a bundle's facts, and (``verify``) that the weights have the digest that they should have.

    A run may renew its bundle meanwhile, weights first (training/folder.py): then the next facts vouch for them. Raises MelodyError.

    >>> read("base").codec.clock
    'beats'
    """
    folder = find(name)
    bundle = _facts(folder, folder / FACTS)
    if not verify:
        return bundle
    for _ in range(2):  # once more for a reader whom a renewal overtook: facts read before it, weights after it
        digest = sha256(folder / WEIGHTS, MAX_WEIGHTS)
        if digest == bundle.sha256:
            return bundle
        with suppress(MelodyError):  # mostly there is none
            bundle = _facts(folder, folder / NEXT / FACTS)
            if digest == bundle.sha256:
                return bundle
        bundle = _facts(folder, folder / FACTS)
    raise MelodyError(
        f"{shown(folder)}/{WEIGHTS}: damaged or replaced (its sha256 differs from the one in {FACTS}); fetch or train the bundle again"
    )


def _facts(folder: Path, path: Path) -> Bundle:
    """What ``path`` says of the bundle in ``folder``."""
    try:
        raw = json.loads(read_bytes(path, MAX_FACTS), object_pairs_hook=unique_names)
        if not isinstance(raw, dict) or "format" not in raw:
            raise ValueError("no format")
        if raw["format"] != FORMAT:
            said = f"bundle format {shown(repr(raw['format'])[:40])}, this version of melody reads {FORMAT}"
            raise MelodyError(f"{shown(folder)}: {said}; update melody or train again")
        if set(raw) - KEYS:
            raise ValueError(f"unknown field {min(set(raw) - KEYS)[:40]!r}")
        if "digest" in raw and raw["digest"] != facts_digest(raw):
            raise ValueError("not what its digest says; if you changed it yourself, remove its digest")
        codec = _codec(raw["codec"])
        return Bundle(
            folder,
            folder.name,
            codec,
            dict(raw["model"]),
            dict(raw["training"]),
            tuple(dict(d) for d in raw["data"]),
            str(raw["licence"]),
            str(raw["sha256"]),
        )
    except (ValueError, KeyError, TypeError, RecursionError) as fault:
        raise MelodyError(
            f"{shown(folder)}/{FACTS}: damaged ({type(fault).__name__}: {reason(fault)[:120]}); fetch or train the bundle again"
        ) from None


def renew_facts(folder: Path, training: Mapping[str, Any]) -> Bundle:
    """Add to what a bundle's facts say of its training, with a new digest; the weights stay. Raises MelodyError."""
    read(folder)
    facts = json.loads(read_bytes(folder / FACTS, MAX_FACTS))
    facts["training"] |= training
    facts["digest"] = facts_digest(facts)
    write_bytes(folder / FACTS, (json.dumps(facts, indent=1) + "\n").encode())
    return read(folder)


def facts_digest(facts: Mapping[str, Any]) -> str:
    """What ``digest`` in bundle.json has to be: of all other facts, however they are set."""
    rest = {name: value for name, value in facts.items() if name != "digest"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _codec(raw: Mapping[str, Any]) -> CodecConfig:
    known = {f.name for f in fields(CodecConfig)}
    if set(raw) - known:
        raise ValueError(f"unknown codec setting {sorted(set(raw) - known)[0]!r}")
    if not isinstance(raw["styles"], list) or not all(isinstance(s, str) and len(s) <= LONGEST_STYLE for s in raw["styles"]):
        raise ValueError("its styles are not names")
    codec = CodecConfig(**{**raw, "styles": tuple(raw["styles"])})
    if codec.clock not in ("beats", "seconds") or not 2 <= codec.grid <= 960 or not 1 <= codec.velocity_bins <= 64:
        raise ValueError("codec out of range")
    if type(codec.version) is not int or codec.version not in VERSIONS:
        raise ValueError(f"vocabulary {str(codec.version)[:20]}, which this version of melody does not know")
    if type(codec.grid) is not int or type(codec.velocity_bins) is not int or len(codec.styles) > 10_000:
        raise ValueError("codec out of range")
    return codec


def model_config(raw: Mapping[str, Any]) -> ModelConfig:
    """A checked ModelConfig from plain values; names the setting that is unknown or out of range."""
    from melody.model import ModelConfig

    known = {f.name: f for f in fields(ModelConfig)}
    for name in raw:
        if name not in known:
            raise unknown("model setting", name, known)
    try:
        return ModelConfig(**raw)
    except CallError as fault:
        raise MelodyError(f"model setting {fault.reason}") from None


def load_model(bundle: Bundle) -> EventLSTM:
    """The network with its weights, in fp32, ready to sample (``eval`` mode). Raises MelodyError on any disagreement.

    >>> load_model(read()).config.cell  # doctest: +SKIP
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load

    from melody.model import EventLSTM

    where = f"{shown(bundle.folder)}/{WEIGHTS}"
    shapes = weight_shapes(bundle.folder / WEIGHTS)
    try:
        config = model_config(bundle.model)
    except MelodyError as fault:  # in a recipe the call was wrong; here the file is
        raise MelodyError(f"{shown(bundle.folder)}/{FACTS}: {fault}") from None
    claims = _claimed_shapes(config, bundle.codec)
    model = EventLSTM(config, bundle.codec) if all(shapes.get(n) == s for n, s in claims.items()) else None
    if model is None or shapes != {name: tuple(t.shape) for name, t in model.state_dict().items()}:
        raise MelodyError(f"{shown(bundle.folder)}: the shapes of the weights are not those in {FACTS}; fetch or train the bundle again")
    try:
        weights = load(read_bytes(bundle.folder / WEIGHTS, MAX_WEIGHTS))
    except (SafetensorError, ValueError, KeyError, RuntimeError, OverflowError) as fault:
        raise MelodyError(f"{where}: damaged ({reason(fault)[:120]})") from None
    if not all(bool(torch.isfinite(t.float().sum())) for t in weights.values()):
        raise MelodyError(f"{where}: holds values that are not finite")
    model.load_state_dict({name: t.float() for name, t in weights.items()}, assign=True)
    return model.eval()


def weight_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the weights by the header of their file, which has to account for every byte: nothing else is read."""
    with open_regular(path, MAX_WEIGHTS) as file:
        start, size = file.read(8 + MAX_HEADER), os.fstat(file.fileno()).st_size
    try:
        tensors = parse_header(start, size).tensors
        if not {tensor.kind for tensor in tensors.values()} <= KINDS:
            raise ValueError("holds whole numbers")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as fault:
        raise MelodyError(f"{shown(path)}: damaged ({type(fault).__name__}: {reason(fault)[:120]})") from None
    return {name: tensor.shape for name, tensor in tensors.items()}


def _claimed_shapes(config: ModelConfig, codec: CodecConfig) -> dict[str, tuple[int, ...]]:
    """The weights that fix the size of the network: looked at before it is built, so that a lie cannot take more memory than the file."""
    width, gates = config.width, {"lstm": 4, "gru": 3, "rnn": 1}[config.cell]
    tables = {"fields": codec.sizes, "metre_body": feature_sizes(codec), "conditions": condition_sizes(codec)}
    shapes: dict[str, tuple[int, ...]] = {f"{name}.{i}.weight": (n, width) for name, sizes in tables.items() for i, n in enumerate(sizes)}
    shapes |= {f"cells.{i}.weight_hh_l0": (gates * width, width) for i in range(config.layers)}
    if config.recall_width:
        shapes["recall.to_body.weight"] = (width, POINTERS * config.recall_width)
    return shapes | {
        "to_heads.weight": (len(codec.sizes) * config.head_width, width),
        "encoder.forwards.weight_hh_l0": (4 * config.given_width, config.given_width),
    }


def save(
    folder: Path,
    model: EventLSTM,
    training: Mapping[str, Any],
    data: tuple[Mapping[str, Any], ...] = (),
    licence: str = "",
    card: str = "",
    half: bool = False,
) -> Bundle:
    """Write a bundle into ``folder`` (made if need be): weights first, the facts that vouch for them last.

    ``half``: store the weights as bf16, half the size.
    """
    import torch
    from safetensors.torch import save as dump

    dtype = torch.bfloat16 if half else torch.float32
    weights = {name: t.detach().to("cpu", dtype).contiguous() for name, t in model.state_dict().items()}
    blob = dump(weights)
    digest = hashlib.sha256(blob).hexdigest()
    facts: dict[str, Any] = {
        "format": FORMAT,
        "model": asdict(model.config),
        "codec": model.codec.plain(),
        "training": dict(training),
        "data": [dict(d) for d in data],
        "licence": licence,
        "sha256": digest,
    }
    facts["digest"] = facts_digest(json.loads(json.dumps(facts)))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise MelodyError(f"{shown(folder)}: cannot be written ({reason(fault)})") from None
    write_bytes(folder / WEIGHTS, blob)
    write_bytes(folder / FACTS, (json.dumps(facts, indent=1) + "\n").encode())
    if card:
        write_bytes(folder / CARD, card.encode())
    return read(folder, verify=False)
