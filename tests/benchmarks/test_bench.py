"""Results, tables and targets; every script runs; README.md is what the results say."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
RESULTS = sorted((BENCHMARKS / "results").glob("*.json"))
TOOLS = {"programs"}  # write something into a model, and measure nothing
SCRIPTS = sorted(p.stem for p in BENCHMARKS.glob("*.py") if "finish(" in p.read_text("utf-8") and p.stem != "bench")


@pytest.fixture
def bench(script):
    return script("bench")


def test_the_page_is_what_the_results_say(script):
    assert (BENCHMARKS / "README.md").read_text("utf-8") == script("report").page()


def test_every_script_has_a_result_and_every_result_a_text(script):
    results = [script("bench").read_result(path.read_text("utf-8")) for path in RESULTS]
    assert {r.benchmark for r in results} >= set(SCRIPTS) - TOOLS
    for result in results:
        asks, _ = script("report").described(result.benchmark, result.text)
        assert "?" in asks and result.machine and result.command


@pytest.mark.parametrize("path", RESULTS, ids=lambda p: p.stem)
def test_an_answer_has_no_number_that_was_not_measured(bench, path):
    result = bench.read_result(path.read_text("utf-8"))
    shown = "\n".join([t.markdown() for t in (*result.tables, *result.targets)])
    numbers = re.findall(r"\d[\d,]*(?:\.\d+)?", result.answer)
    assert numbers and not [n for n in numbers if n not in shown]


@pytest.mark.parametrize("path", RESULTS, ids=lambda p: p.stem)
def test_results_are_as_they_are_written(bench, path):
    text = path.read_text("utf-8")
    assert bench.read_result(text).json() == text


def test_a_table(bench):
    table = bench.Table({"what": "", "share": ".1%", "count": ","}, [["a", 0.5, 1000], ["b", None, np.int64(2)]], "Some")
    assert table.markdown() == "Some:\n\n| what | share | count |\n|---|---|---|\n| a | 50.0% | 1,000 |\n| b |  | 2 |"
    with pytest.raises(ValueError, match="zip"):
        bench.Table({"what": ""}, [["a", 1]]).markdown()


def test_targets_say_whether_they_were_reached(bench):
    assert bench.Target("times", 7.0, 8).markdown() == "- NOT REACHED: times 7.0 (to reach: at least 8.0)"
    assert bench.Target("times", 8.0, 8).markdown().startswith("- reached: times 8.0")
    assert bench.Target("ms", 0.7, 1.5, ".2f", most=True).markdown() == "- reached: ms 0.70 (to reach: at most 1.50)"
    assert bench.Target("ms", 1.6, 1.5, most=True).markdown().startswith("- NOT REACHED")


def test_runs_of_one_benchmark_share_their_tables(bench):
    def run(number):
        tables = [bench.Table({"n": ""}, [[number]]), bench.Table({"n": ""}, [[-number]], "Below")]
        return bench.Result("x", "", f"python x.py {number}", "a machine", tables, notes=[f"note {number}"])

    found = bench.markdown([run(1), run(2)])
    assert found == (
        "    python x.py 1\n    python x.py 2\n\na machine\n\n| n |\n|---|\n| 1 |\n| 2 |\n\nBelow:\n\n| n |\n|---|\n| -1 |\n| -2 |\n\n"
        "- note 1\n- note 2"
    )


def test_arguments(bench, monkeypatch, tmp_path, capsys):
    words = ["/data/corpus", "x=/data/other", "--songs", "3", "--rate", "0.5", "--save", "some", "--list", "1", "2", "--json"]
    options = bench.parsed(
        "b/x.py", "Why?", words, ["corpus", "others*"], {"songs": 1}, songs=5, rate=1.0, list=[0], model=None, deep=False
    )
    assert (options.songs, options.rate, options.list, options.model, options.deep) == (3, 0.5, [1, 2], None, False)
    assert options.corpus == "/data/corpus" and options.others == ["x=/data/other"]
    monkeypatch.setattr(bench, "RESULTS", tmp_path / "results")
    bench.finish(options, "3 things", [bench.Table({"n": ".2f"}, [[np.float64(1 / 3)], [float("nan")], [np.int16(3)]])])
    saved = json.loads((tmp_path / "results" / "some.json").read_text("utf-8"))
    assert saved == json.loads(capsys.readouterr().out) and saved["tables"][0]["rows"] == [[0.333333], [None], [3]]
    assert saved["command"] == "python benchmarks/x.py CORPUS x=... --songs 3 --rate 0.5 --list 1 2"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d, .+ cores, load .+, Python .+, numpy .+", saved["machine"])
    assert bench.parsed("b/x.py", "Why?", ["--quick"], (), {"songs": 1}, songs=5).songs == 1


def test_a_choice_of_pieces(bench, corpus):
    from melody.corpus import Corpus

    music = Corpus(corpus)
    waltzes = bench.pieces(music, "train", "waltz")
    assert waltzes and all(music.pieces[i].style == "waltz" for i in waltzes)
    assert bench.pieces(music, "train", count=2) == list(music.split("train")[:2])
    shuffled = bench.pieces(music, "train", seed=1)
    assert sorted(shuffled) == sorted(music.split("train")) and shuffled == bench.pieces(music, "train", seed=1)
