"""The help: an example in each, all examples valid, and nothing heavy imported for it."""

import re
import shlex
import subprocess
import sys

import pytest

from melody.cli import VERBS, build_app
from melody.compose import REQUESTS

HEAVY = ("torch", "symusic", "mido", "matplotlib", "pretty_midi", "scipy", "safetensors")
NESTED = ("data",)  # verbs that have verbs of their own


def examples(text: str) -> list[str]:
    return re.findall(r"^ +(melody .+)$", text, re.MULTILINE)


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_a_verb(melody, verb, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    said = melody(verb, "--help")
    assert said.status == 0 and said.err == ""
    assert VERBS[verb][1] in said.out
    found = examples(said.out)
    assert found
    for line in found:
        command, bound, _ = build_app().parse_args(shlex.split(line)[1:], exit_on_error=False, print_error=False)
        words = shlex.split(line)[1:]
        assert bound.arguments is not None and words[0] == verb
        assert verb in REQUESTS or command.__name__.rstrip("_") in words[: 1 + (verb in NESTED)]


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_help_of_all(melody, arguments, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    said = melody(*arguments)
    assert said.status == 0
    lines = [line.strip("│ ").split(maxsplit=1) for line in said.out.splitlines()]
    for verb, (_, line) in VERBS.items():
        assert [verb, line] in lines
    assert examples(said.out)


def test_version(melody):
    import melody as package

    assert melody("--version") == (0, f"{package.__version__}\n", "")


@pytest.mark.slow
def test_help_imports_nothing_heavy():
    """One process for all verbs."""
    code = f"""
import sys
from melody.cli import VERBS, main
for arguments in ([], ["--help"], *([verb, "--help"] for verb in VERBS), ["data", "fetch", "--help"], ["data", "list"]):
    assert main(arguments) == 0
print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stderr == "[]\n"
