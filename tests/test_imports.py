"""The one-way doors: imports go down the list of rooms only, the lower rooms and the face never need torch."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "melody"

# Rooms of one rank do not know each other. docs/architecture.md says what each is for.
RANKS = [
    {"errors"},
    {"files", "programs", "score", "extras"},
    {"settings"},
    {"edit"},
    {"theory"},
    {"midi", "data", "sources", "tensors"},
    {"notation"},
    {"codec", "render", "groove"},
    {"corpus"},
    {"model", "originality"},
    {"bundle"},
    {"styles"},
    {"training", "generate"},
    {"runtime"},
    {"evaluation", "export"},
    {"compose"},
    {"live", "doctor", "workflows"},
    {"studio"},
    {"cli"},
    {"melody", "__main__"},  # the face: names that are looked up when they are used
]
RANK = {room: rank for rank, rooms in enumerate(RANKS) for room in rooms}
WITHOUT_TORCH = {room for room in RANK if RANK[room] < RANK["model"]} | {"runtime"}

EXCEPTIONS = {
    ("score", "midi"): "piece.save() and piece.to_pretty_midi() are what users look for; the import is inside the two methods",
    ("cli", "melody"): "the version number, which stands in the face because the build reads it there",
    ("doctor", "melody"): "the version number, and where the package lies",
}
LONGEST = 300
LONG: dict[str, str] = {}  # path: the reason why it may be longer


def files(room: str | None = None) -> list[Path]:
    found = [p for p in sorted(PACKAGE.rglob("*.py")) if not {"checkpoints", "recipes", "examples", "soundfont"} & set(p.parts)]
    return [p for p in found if room is None or room_of(p) == room]


def room_of(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return "melody" if first == "__init__" else first


def imported(path: Path) -> Iterator[str]:
    """Full names of all that a file imports, anywhere in it: "torch.nn", "melody.midi", "melody.errors.MelodyError"."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import; rooms are named in full"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rooms_imported(path: Path) -> set[str]:
    names = [name.split(".") for name in imported(path)]
    inside = [name for name in names if name[0] == "melody"]
    return {name[1] if len(name) > 1 and name[1] in RANK else "melody" for name in inside}


@pytest.mark.parametrize("path", files(), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_down(path):
    room = room_of(path)
    assert room in RANK, f"a new room {room}: give it its place in RANKS"
    for other in rooms_imported(path) - {room}:
        assert RANK[other] < RANK[room] or (room, other) in EXCEPTIONS, (
            f"{path.relative_to(ROOT)} imports {other}, which is not below {room}"
        )


@pytest.mark.slow
def test_every_exception_is_needed():
    used = {(room_of(p), other) for p in files() for other in rooms_imported(p)}
    assert set(EXCEPTIONS) <= used


def test_the_exceptions_are_inside_functions():
    """At the top of the file, score.py stands on nothing but numpy."""
    tree = ast.parse((PACKAGE / "score.py").read_text("utf-8"))
    top = [n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)]
    assert not any("melody" in ast.unparse(n) for n in top)


@pytest.mark.slow
def test_only_midi_knows_the_midi_libraries():
    for path in files():
        known = {name.split(".")[0] for name in imported(path)} & {"symusic", "mido"}
        assert not known or room_of(path) == "midi", f"{path} imports {known}"


@pytest.mark.parametrize("room", sorted(WITHOUT_TORCH))
def test_lower_rooms_never_name_torch(room):
    for path in files(room):
        assert not any(name.split(".")[0] == "torch" for name in imported(path)), f"{path} imports torch"


def run(code: str) -> str:
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


@pytest.mark.slow
def test_lower_rooms_work_where_torch_is_missing():
    """Every module of theirs, and what composes, can be imported: torch comes when a model is loaded, not before."""
    modules = [
        ".".join(p.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for r in sorted(WITHOUT_TORCH) for p in files(r)
    ]
    modules += ["melody", "melody.bundle", "melody.compose", "melody.cli"]
    run(f"import sys, importlib\nsys.modules['torch'] = None\nfor name in {modules!r}: importlib.import_module(name)")


@pytest.mark.slow
def test_import_melody_is_light():
    assert run("import sys, melody; print([m for m in ('torch', 'numpy', 'symusic', 'rich') if m in sys.modules])") == "[]"
    names = "melody.Score, melody.render, melody.midi, melody.MelodyError, melody.load, melody.Generate, dir(melody)"
    assert run(f"import sys, melody; {names}; print([m for m in ('torch', 'symusic') if m in sys.modules])") == "[]"


def test_every_public_name_is_there():
    import melody

    assert all(getattr(melody, name) is not None for name in melody.__all__)
    with pytest.raises(AttributeError, match="no attribute 'lod'"):
        _ = melody.lod


def test_help_is_light():
    code = "import sys; from melody.cli import main; main(['--help']); print([m for m in ('torch', 'symusic') if m in sys.modules])"
    assert run(code).endswith("[]")


def test_files_are_short_enough_to_read():
    paths = [p for folder in ("melody", "tests", "benchmarks") for p in (ROOT / folder).rglob("*.py")]
    lengths = {str(p.relative_to(ROOT)): len(p.read_text("utf-8").splitlines()) for p in paths}
    long = {name: length for name, length in lengths.items() if length > LONGEST and name not in LONG}
    assert not long, f"split them, or say in LONG why not: {long}"
    assert all(lengths.get(name, 0) > LONGEST for name in LONG), "LONG names a file that is short by now"


def test_exceptions_to_rules_have_reasons():
    """``# noqa: X  # because ...`` and ``# type: ignore[x]  # because ...``: never without the second comment."""
    bare = re.compile(r"#\s*(noqa|type:\s*ignore)\b[^#\n]*$", re.MULTILINE)
    for path in files():
        found = bare.findall(path.read_text("utf-8"))
        assert not found, f"{path.relative_to(ROOT)}: an exception without its reason"


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("room", sorted({room_of(p) for p in files()}))
def test_no_circles_inside_a_package(room):
    """Imports for types alone count too: who needs them to be understood needs them."""
    modules = {module_of(p): p for p in files(room)}
    arrows = {}
    for name, path in modules.items():
        found = set()
        for other in imported(path):
            target = other if other in modules else other.rpartition(".")[0]
            if target in modules and target != name and modules[target].stem != "__init__":
                found.add(target)
        arrows[name] = found
    done, path = set(), []

    def visit(name: str) -> None:
        if name in path:
            circle = " -> ".join([*path[path.index(name) :], name])
            raise AssertionError(f"a circle: {circle}")
        if name not in done:
            path.append(name)
            for other in sorted(arrows[name]):
                visit(other)
            path.pop()
            done.add(name)

    for name in sorted(modules):
        visit(name)


def test_the_page_has_the_same_ranks():
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    block = page[page.index("melody/\n 0") : page.index("\ntests/ ")]
    ranks, rank = {}, -1
    for line in block.splitlines()[1:]:
        if number := re.match(r"( ?\d+)  ", line):
            rank = int(number[1])
        if (number or line.startswith("    ")) and not line.startswith("     "):
            names = re.split(r"\s{2,}", line[4:].strip())[0]
            ranks |= dict.fromkeys((n.strip().removesuffix("/").removesuffix(".py") for n in names.split(",")), rank)
    assert ranks == {room: rank for room, rank in RANK.items() if room != "live"}
