"""The examples in docstrings are run. A room whose public functions all have theirs is named here."""

import doctest
import importlib
import pkgutil
from inspect import isfunction

import pytest

import melody

ROOMS = ("data", "files", "midi", "score", "sources")


def modules():
    for room in ROOMS:
        package = importlib.import_module(f"melody.{room}")
        yield package.__name__
        yield from (m.name for m in pkgutil.walk_packages(getattr(package, "__path__", ()), f"{package.__name__}."))


@pytest.mark.parametrize("name", list(modules()))
def test_examples(name):
    found = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert not found.failed


@pytest.mark.parametrize("room", ["midi", "sources", "data"])
def test_every_public_function_has_an_example(room):
    package = getattr(melody, room, None) or importlib.import_module(f"melody.{room}")
    functions = [f for name in package.__all__ if isfunction(f := getattr(package, name))]
    assert functions and not [f.__name__ for f in functions if ">>>" not in (f.__doc__ or "")]
