"""Recipes: files over defaults, flags over files, and one clear line for what makes no sense."""

from dataclasses import fields
from pathlib import Path

import pytest

from melody.errors import CallError, MelodyError
from melody.settings import settings_of
from melody.training.recipe import SECTIONS, Recipe, changed, load_recipe, markdown, shipped_recipes
from melody.training.renames import RENAMED


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
        ('[train]\nsteps = "5"', r"\[train\] steps is '5', must be a whole number, 0 or more"),
        ("[train]\nsteps = 5.5", "must be a whole number"),
        ("[train]\nsteps = true", "steps is True, must be a whole number"),
        ("[train]\nprecision = 16", "precision is 16, must be one of: auto, fp32, bf16"),
        ("[train]\nsteps = -5", "steps is -5, must be 0 or more"),
        ("[train]\nminutes = nan", "minutes is nan, must be 0 or more"),
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
        ("[codec]\nvelocity_bins = 500", "velocity_bins is 500, must be 1 to 64"),
        ("[augment]\nstretch = 1", "stretch"),
        ("[augment]\ntranspose_up = 25", "transpose_up is 25, must be 0 to 24"),
        ("[augment]\nloudness = -1", "loudness"),
        ("[augment]\ndrop_condition = 1.5", "drop_condition"),
        ("[augment]\ndrop_left = -0.5", "drop_left"),
        ("[given]\nlead = -1", "lead is -1, must be 0 or more"),
        ("[given]\nlead = inf", "lead is inf"),
        ("[given]\nnothing = 0\nlead = 0\npart = 0\nothers = 0\nwindow = 0", "weights"),
        ("[given]\nwindow_bars = 0", "window_bars"),
        ("[given]\ncausal = 2", "causal"),
        ('[model]\ncell = "lsmt"', "cell is 'lsmt', must be one of: lstm, gru, rnn"),
        ("[model]\nlayers = 0", "layers"),
        ("[model]\nwidth = 100000", "width"),
        ("[model]\ndropout = 1", "dropout is 1, must be 0 or more, below 1"),
        ("[train\nsteps", "not a TOML file"),
        ("a = " + "[" * 5000, "not a TOML file"),
        ('base = "none"', "no such file"),
        ('base = "mine"', "in a loop"),
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


def test_keys_of_earlier_versions_keep_working(tmp_path):
    old = recipe(tmp_path, "[train]\nreach = 0.25\n[given]\nlive = 0.5", "old")
    assert (load_recipe(old).train.interpolation, load_recipe(old).given.causal) == (0.25, 0.5)
    assert not {"reach", "live"} & {name for section in load_recipe(old).plain().values() for name in section}
    both = recipe(tmp_path, "[train]\nreach = 0.25\ninterpolation = 0.5", "both")
    assert load_recipe(both).train.interpolation == 0.5
    with pytest.raises(CallError, match="interpolation is 2"):
        load_recipe(recipe(tmp_path, "[train]\nreach = 2"))
    for section, names in RENAMED.items():
        known = settings_of(SECTIONS[section])
        assert all(old not in known and new in known for old, new in names.items())


def test_every_setting_has_its_help_and_is_checked():
    for kind in SECTIONS.values():
        assert set(settings_of(kind)) == {f.name for f in fields(kind)}
        for name, found in settings_of(kind).items():
            assert found.help.endswith("."), name
            default = next(f.default for f in fields(kind) if f.name == name)
            with pytest.raises(CallError, match=f"^{name} is "):
                kind(**{name: [default]})


def test_the_page_holds_the_current_settings():
    text = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text("utf-8")
    begin, end = "<!-- table: made from melody/training/recipe.py -->", "<!-- end of table -->"
    assert text.split(begin)[1].split(end)[0].strip() == markdown().strip(), "docs/recipes.md is old: it says how its table is made"
    assert all(f"`{name}`" in text for name in shipped_recipes())
