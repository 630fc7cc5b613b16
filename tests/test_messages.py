"""What the messages of the package may say. Below cli/ they name no flags, because a notebook or a page shows them too."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "melody"
LIBRARY = [p for p in sorted(PACKAGE.rglob("*.py")) if "cli" not in p.relative_to(PACKAGE).parts]
FLAG = re.compile(r"(?<![\w-])(?<!var\()--(?:$|[a-z](?![\w-]*:))")  # not the variables of CSS: "--ink: #000", "var(--ink)"


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text of every string of a file, but for docstrings (of fields too: those are the command line's help)."""
    tree = ast.parse(path.read_text("utf-8"))
    docstrings = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.lineno, node.value


@pytest.mark.parametrize(
    ("text", "is_flag"),
    [
        ("add --force to it", True),
        ("--adapt", True),
        ("(--batch 3)", True),
        ("use --", True),
        ("var(--ink)", False),
        ("{ --ink: #fff; --dim: #000 }", False),
        ("a -- b", False),
        ("x--y", False),
    ],
)
def test_what_counts_as_a_flag(text, is_flag):
    assert bool(FLAG.search(text)) == is_flag


@pytest.mark.parametrize("path", LIBRARY, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_library_messages_name_no_flags(path):
    found = [f"line {line}: {text[:60]!r}" for line, text in texts(path) if FLAG.search(text)]
    assert not found, f"{path.name}: give the error a Remedy (melody/errors.py) instead: {found}"


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_only_the_table_of_remedies_says_how_to_install(path):
    found = [line for line, text in texts(path) if "pip install" in text]
    assert not found or path.name in ("errors.py", "extras.py")
