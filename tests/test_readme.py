"""Every command in a ```sh block of README.md and docs/ runs, in the order of the page, as a reader would type it.

A page gets a folder with what it may take for granted: tune.mid, a folder MYFOLDER of songs, examples/, and a tiny model
in the place of the shipped one. Commands that are too slow, or need the network, are named in SKIPPED.
"""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from melody import bundle
from melody.cli import build_app, main
from melody.evaluation.typical import ALL, write_typical

ROOT = Path(__file__).resolve().parents[1]
PAGES = [p for p in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "datasets" / "README.md"] if p.is_file()]
BLOCK = re.compile(r"^```(?:sh|bash|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)

SKIPPED = {  # how a command begins: why it is not run here
    "make": ".ci/run runs make itself, and make demo installs torch",
    "pip install": "installs; .ci/run does",
    "python3 -m venv": "as pip install",
    ".ci/run": "is what runs this test",
    "git clone": "needs the network",
    "cd ": "leaves the folder of the page",
    ". .venv": "as pip install",
    "source .venv": "as pip install",
    "python benchmarks/": "takes minutes, and collections that are not in the project",
    "python -m pytest": "is what runs this test",
    "melody studio": "serves until it is interrupted",
    "melody play": "needs a sound device",
    "python -m melody": "is the command melody, which is run",
}
STYLES = {"pop": "pop909", "lieder": "waltz"}
QUICKLY = {"train": ["--recipe", "tiny", "--steps", "2", "--threads", "1", "--batch", "2"]}  # a page's hour is two steps here


def commands(page: Path) -> list[str]:
    """Lines of the page's shell blocks, prompts, comments and continued lines taken care of."""
    lines = "\n".join(BLOCK.findall(page.read_text("utf-8"))).replace("\\\n", " ").splitlines()
    stripped = (line.strip().removeprefix("$ ").split("  #")[0].strip() for line in lines)
    return [line for line in stripped if line and not line.startswith("#")]


def why_skipped(line: str) -> str | None:
    return next((why for start, why in SKIPPED.items() if line.startswith(start)), None)


def quickly(arguments: list[str]) -> list[str]:
    """``melody train`` with its own lengths exchanged for short ones; a style of the shipped model with one of the small model's."""
    arguments = [STYLES.get(word, word) if before == "--style" else word for before, word in zip(["", *arguments], arguments, strict=False)]
    if arguments[:1] != ["train"] or "--resume" in arguments:
        return [*arguments, "--steps", "3"] if arguments[:1] == ["train"] else arguments
    kept: list[str] = []
    rest = iter(arguments)
    for word in rest:
        if word in ("--steps", "--minutes", "--recipe", "--batch", "--threads"):
            next(rest, None)
        else:
            kept.append(word)
    short = QUICKLY["train"] if "--from" not in kept else ["--steps", "2", "--threads", "1", "--batch", "2"]
    return [*kept, *short]


@pytest.fixture
def desk(tmp_path: Path, songs: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a page may take for granted, as the current folder."""
    shutil.copy(songs / "pop909" / "0.mid", tmp_path / "tune.mid")
    shutil.copytree(songs, tmp_path / "MYFOLDER")
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    shutil.copytree(model, tmp_path / "base")
    write_typical(bundle.read(tmp_path / "base"), {ALL: {"nats": (1.0, 2.0, 3.0)}}, {ALL: 1})
    monkeypatch.setattr(bundle, "shipped", lambda: {"base": tmp_path / "base"})
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_there_is_a_readme():
    if not PAGES or PAGES[0].name != "README.md":
        pytest.skip("README.md is not written yet")


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_commands_of_a_page(page, desk, capsys):
    for line in commands(page):
        if why_skipped(line):
            continue
        words = shlex.split(line)
        assert words[0] == "melody", f"{page.name}: cannot run {line!r}; add it to SKIPPED with the reason"
        status = main(quickly(words[1:]))
        said = capsys.readouterr()
        assert status == 0, f"{page.name}: {line}\n{said.err}"


def test_flags_of_skipped_lengths_are_real():
    """What ``quickly`` takes out of a command must still be what melody train knows."""
    words = ["train", "corpus", "-o", "run", "--recipe", "base", "--minutes", "60", "--batch", "8", "--threads", "1"]
    command, bound, _ = build_app().parse_args(words, exit_on_error=False, print_error=False)
    assert command.__name__ == "train" and bound.arguments["settings"].minutes == 60
    assert quickly(words) == ["train", "corpus", "-o", "run", *QUICKLY["train"]]


def test_links_lead_somewhere():
    """Relative links and pictures of the pages."""
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text("utf-8")):
            if not re.match(r"[a-z]+:", target):
                assert (page.parent / target).exists(), f"{page.name} links to {target}, which is not there"
