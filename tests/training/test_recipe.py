"""Recipes: files over defaults, flags over files, and one clear line for what makes no sense."""

import pytest

from melody.errors import CallError, MelodyError
from melody.training.recipe import Recipe, changed, load_recipe, shipped_recipes


def recipe(folder, text, name="mine"):
    path = folder / f"{name}.toml"
    path.write_text(text)
    return path


def test_the_shipped_ones_load():
    assert {"base", "tiny"} <= set(shipped_recipes())
    for name in shipped_recipes():
        assert load_recipe(name).train.steps or load_recipe(name).train.minutes


def test_values_win_over_the_base_and_flags_over_both(tmp_path):
    recipe(tmp_path, "[train]\nsteps = 7\nrate = 1\n[model]\nlayers = 2", "parent")
    mine = load_recipe(recipe(tmp_path, 'base = "parent"\n[train]\nsteps = 8\n'))
    assert (mine.train.steps, mine.train.rate, mine.model.layers) == (8, 1.0, 2)
    assert mine.train.chunk == Recipe().train.chunk
    assert changed(mine, {"train": {"steps": 9}}).train.steps == 9
    assert load_recipe(recipe(tmp_path, 'base = "tiny"')) == load_recipe("tiny")


def test_plain_values_come_back():
    tiny = load_recipe("tiny")
    assert changed(Recipe(), tiny.plain()) == tiny


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[train]\nstepps = 5", "did you mean 'steps'"),
        ("[trian]\nsteps = 5", "did you mean 'train'"),
        ("train = 5", "table"),
        ('[train]\nsteps = "5"', "must be int"),
        ("[train]\nsteps = 5.5", "must be int"),
        ("[train]\nsteps = true", "must be int"),
        ("[train]\nprecision = 16", "must be str"),
        ("[train]\nsteps = -5", "negative"),
        ("[train]\nminutes = nan", "negative"),
        ("[train]\nbatch = 0", "batch"),
        ("[train]\nchunk = 1", "chunk"),
        ("[train]\nrate = 0", "rate"),
        ("[train]\nrate = nan", "rate"),
        ("[train]\nclip = 0", "clip"),
        ("[train]\naverage = 1", "average"),
        ("[train]\nseed = -1", "seed"),
        ("[train]\nsave_minutes = -1", "save_minutes"),
        ('[train]\nprecision = "fp8"', "precision"),
        ("[train]\nvalidate_every = 0", "validate_every"),
        ('[codec]\nclock = "sundial"', "clock"),
        ("[codec]\ngrid = 0", "grid"),
        ("[codec]\nvelocity_bins = 500", "clock|velocity"),
        ("[augment]\nstretch = 1", "stretch"),
        ("[augment]\ntranspose_up = 25", "transposition"),
        ("[augment]\nloudness = -1", "loudness"),
        ("[augment]\ndrop_condition = 1.5", "drop_condition"),
        ("[augment]\ndrop_left = -0.5", "drop_left"),
        ("[given]\nlead = -1", "weights"),
        ("[given]\nlead = inf", "weights"),
        ("[given]\nnothing = 0\nlead = 0\npart = 0\nothers = 0\nwindow = 0", "weights"),
        ("[given]\nwindow_bars = 0", "window_bars"),
        ("[given]\ncausal = 2", "causal"),
        ('[model]\ncell = "lsmt"', "did you mean 'lstm'"),
        ("[model]\nlayers = 0", "layers"),
        ("[model]\nwidth = 100000", "width"),
        ("[model]\ndropout = 1", "dropout"),
        ("[train\nsteps", "not a TOML file"),
        ("a = " + "[" * 5000, "not a TOML file"),
        ('base = "none"', "no such file"),
        ('base = "mine"', "circle"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_what_makes_no_sense(tmp_path, text, words):
    with pytest.raises(MelodyError, match=words) as fault:
        load_recipe(recipe(tmp_path, text))
    assert "\n" not in str(fault.value)


def test_names_that_are_unknown(tmp_path):
    with pytest.raises(CallError, match="did you mean 'tiny'"):
        load_recipe("tinny")
    with pytest.raises(MelodyError, match="no such file"):
        load_recipe(tmp_path / "none.toml")
