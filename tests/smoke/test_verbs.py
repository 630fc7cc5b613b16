"""Every verb once, as a user without torch and matplotlib runs it: those that need neither work, the others say what to install.

Needs pytest and an installed melody, nothing else: .ci/matrix copies this file into an empty folder and runs it with each
interpreter. What is not to be found is hidden from the child processes, so the result is the same where it is installed.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

HIDDEN = ("torch", "matplotlib", "tensorboard", "fluidsynth")
HIDE = f"import sys; sys.modules.update(dict.fromkeys({HIDDEN!r}))"
INSTALL = "install it with: pip install 'melody-lstm[{}]'"
Melody = Callable[..., subprocess.CompletedProcess[str]]


def python(code: str, folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run code that cannot import what is hidden. Files and names of the environment are those of the user."""
    command = [sys.executable, "-c", f"{HIDE}\n{code}", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def melody(tmp_path: Path) -> Melody:
    """Call a verb in an empty folder."""
    return lambda *arguments: python("from melody.cli import main\nsys.exit(main())", tmp_path, *arguments)


@pytest.fixture(scope="module")
def piece(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four bars by the shipped model."""
    folder = tmp_path_factory.mktemp("piece")
    made = python("from melody.cli import main\nsys.exit(main())", folder, "generate", "--bars", 4, "--seed", 1, "-o", "piece.mid")
    assert made.returncode == 0, made.stderr
    return folder / "piece.mid"


WORKING = {
    "version": ("--version",),
    "help": ("--help",),
    "generate": ("generate", "--bars", 2, "--style", "pop909", "--seed", 3, "-o", "new.mid"),
    "several": ("generate", "--bars", 2, "-n", 3, "--seed", 3, "-o", "three"),
    "best": ("generate", "--bars", 2, "--best-of", 2, "--seed", 3, "-o", "new.mid"),
    "continue": ("continue", "PIECE", "--bars", 2, "--seed", 3, "-o", "new.mid"),
    "accompany": ("accompany", "PIECE", "--voices", "bass", "--seed", 3, "-o", "new.mid"),
    "infill": ("infill", "PIECE", "--from-bar", 2, "--to-bar", 2, "--seed", 3, "-o", "new.mid"),
    "vary": ("vary", "PIECE", "--strength", 0.5, "-n", 3, "--rank", "--seed", 3, "-o", "three"),
    "inspect a piece": ("inspect", "PIECE"),
    "inspect a model": ("inspect", "base"),
    "sound": ("render", "PIECE", "--wav", "-o", "new.wav"),
    "sound as Opus": ("render", "PIECE", "--opus", "-o", "new.opus"),
    "data": ("data", "list"),
    "doctor": ("doctor",),
}


@pytest.mark.parametrize("arguments", WORKING.values(), ids=WORKING)
def test_it_works_without_torch(melody, piece, tmp_path, arguments):
    done = melody(*(piece if a == "PIECE" else a for a in arguments))
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    for name in ("new.mid", "new.wav", "new.opus"):
        if name in arguments:
            assert (tmp_path / name).stat().st_size > 100
    if "three" in arguments:
        assert len(list((tmp_path / "three").iterdir())) == 3


def test_a_folder_of_pieces_becomes_a_corpus(melody, piece, tmp_path):
    assert melody("generate", "--bars", 16, "-n", 3, "--seed", 3, "-o", "songs").returncode == 0
    done = melody("prepare", "songs", "-o", "corpus")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "corpus" / "report.csv").is_file()
    assert melody("inspect", "corpus").returncode == 0


@pytest.mark.skipif(find_spec("matplotlib") is None, reason="matplotlib is not installed")
@pytest.mark.parametrize("ending", ["png", "svg"])
def test_pictures_where_there_is_matplotlib(piece, tmp_path, ending):
    command = [sys.executable, "-m", "melody", "render", str(piece), "-o", f"new.{ending}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / f"new.{ending}").stat().st_size > 1000


MISSING = {
    "train": (("train", "songs", "-o", "run"), "torch", "train"),
    "evaluate": (("evaluate", "base", "songs"), "torch", "train"),
    "surprise": (("evaluate", "base", "--surprise", "PIECE"), "torch", "train"),
    "export": (("export", "base"), "torch", "train"),
    "adapt": (("generate", "--bars", 2, "--adapt", "PIECE"), "torch", "train"),
    "engine": (("generate", "--bars", 2, "--engine", "torch"), "torch", "train"),
    "style": (("generate", "--bars", 2, "--style", "own.style"), "torch", "train"),
    "picture": (("render", "PIECE", "--png", "-o", "new.png"), "matplotlib", "render"),
}
OWN_STYLE = """
import numpy, melody.bundle, melody.styles
from pathlib import Path
none = numpy.zeros(4, numpy.float32)
melody.styles.save_style(Path("own.style"), melody.styles.Style("own", melody.bundle.read().sha256, none, none, {}))
"""


@pytest.mark.parametrize(("arguments", "module", "extra"), MISSING.values(), ids=MISSING)
def test_what_is_missing_is_one_line_with_the_command(melody, piece, tmp_path, arguments, module, extra):
    if "own.style" in arguments:
        made = python(OWN_STYLE, tmp_path)
        assert made.returncode == 0, made.stderr
    before = sorted(tmp_path.iterdir())
    done = melody(*(piece if a == "PIECE" else a for a in arguments))
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("melody: ")
    assert f"{module}" in done.stderr and "not installed" in done.stderr and INSTALL.format(extra) in done.stderr
    assert sorted(tmp_path.iterdir()) == before


def test_the_doctor_names_what_is_missing(melody):
    done = melody("doctor", "--json")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["works"] is True and facts["extras"]["train"]["missing"] == ["torch"]


def test_python_works_without_torch(tmp_path):
    code = """
import melody
composer = melody.load()
piece = composer.generate(bars=2, seed=3)
composer.continue_(piece, bars=1, seed=3).save("longer.mid")
for wrong in (lambda: melody.load(engine="torch"), lambda: melody.load(adapt=piece)):
    try:
        wrong()
    except melody.MelodyError as fault:
        print(fault)
assert sys.modules["torch"] is None
"""
    done = python(code, tmp_path)
    assert done.returncode == 0, done.stderr
    assert [line.endswith(INSTALL.format("train")) for line in done.stdout.splitlines()] == [True, True]
    assert (tmp_path / "longer.mid").stat().st_size > 100


def test_nothing_is_left_in_the_home_folder(melody, tmp_path, monkeypatch):
    """Its libraries have habits of their own; ONNX Runtime would leave an identifier of the machine there and report its use."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert melody("generate", "--bars", 1, "--seed", 1, "-o", "new.mid").returncode == 0
    assert melody("doctor", "--quiet").returncode == 0
    assert list(home.iterdir()) == []
