"""The examples in docstrings are run, those of every module; and every public name has one."""

import doctest
import importlib
import pkgutil
from inspect import isclass, isfunction, ismodule

import pytest

import melody

SLOW = {"compose.composer", "render.pianoroll"}  # a model is loaded, a picture is drawn
SKIP = "doctest: +SKIP"
CANNOT_RUN = {  # public names whose example is only read: why
    "Corpus": "needs a collection of music; tests/corpus has many",
    "sources.Source": "is what a walk over files finds",
    "evaluate": "needs a corpus; tests/workflows/test_evaluate.py",
    "bundle.load_model": "needs torch",
    "render.opus": "needs the package soundfile",
    "render.play": "needs a sound device",
    "render.sheet": "needs the package verovio",
    "train": "needs music; tests/workflows/test_train.py",
}
BUNDLES = ("find", "load_model", "read", "shipped")  # of melody.bundle, which has no __all__


def modules():
    found = [m.name for m in pkgutil.walk_packages(melody.__path__, "melody.") if not m.name.endswith("__main__")]
    return [pytest.param(n, marks=[pytest.mark.slow] if n.removeprefix("melody.") in SLOW else []) for n in found]


@pytest.mark.parametrize("name", modules())
def test_examples(name):
    found = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert not found.failed


def public():
    """Names of the face, and of the modules that it shows: "train", "edit.cut"."""
    shown = {name: getattr(melody, name) for name in melody.__all__}
    found = {name: thing for name, thing in shown.items() if not ismodule(thing)}
    for room, module in ((name, thing) for name, thing in shown.items() if ismodule(thing)):
        for name in BUNDLES if module is melody.bundle else getattr(module, "__all__", dir(module)):
            thing = getattr(module, name)
            if (isfunction(thing) or isclass(thing)) and not name.startswith("_") and thing.__module__.startswith(module.__name__):
                found[f"{room}.{name}"] = thing
    return found


def test_every_public_name_has_an_example_that_runs():
    lacking, read_only = [], []
    for name, thing in public().items():
        lines = [line for line in (thing.__doc__ or "").splitlines() if ">>>" in line]
        if not lines:
            lacking.append(name)
        elif SKIP in lines[-1]:
            read_only.append(name)
    assert not lacking
    assert set(read_only) == set(CANNOT_RUN)
