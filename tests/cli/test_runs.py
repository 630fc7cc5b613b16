"""runs: a table and JSON of the runs of a folder, whatever state they are in."""

import json
import shutil


def test_a_table_and_its_figures(melody, model, here, monkeypatch):
    shutil.copytree(model, here / "runs" / "first")
    shutil.copytree(model, here / "runs" / "second")
    facts = json.loads((here / "runs" / "second" / "bundle.json").read_text())
    facts["training"]["recipe"]["train"]["rate"] = 0.25
    del facts["digest"]
    (here / "runs" / "second" / "bundle.json").write_text(json.dumps(facts))
    (here / "runs" / "torn").mkdir()
    (here / "runs" / "torn" / "metrics.jsonl").write_text('{"step": 10, "valid": {"total": 0.5}}\n{"st')
    (here / "runs" / "bad").mkdir()
    (here / "runs" / "bad" / "bundle.json").write_text("[]")
    monkeypatch.setenv("COLUMNS", "250")
    said = melody("runs", "runs")
    assert said.status == 0 and said.err == ""
    lines = said.out.splitlines()
    assert lines[1].split()[:2] == ["torn", "10"] and "train.rate 0.25" in said.out and "damaged" in said.out
    rows = {r["run"]: r for r in json.loads(melody("runs", "runs", "--json").out)["runs"]}
    assert next(iter(rows)) == "torn" and rows["torn"]["nats_per_note"] == {"total": 0.5}
    assert rows["first"]["steps"] == 40 and rows["first"]["parameters"] > 1000 and rows["second"]["differs"]["train.rate"] == 0.25
    assert rows["bad"]["nats_per_note"] is None and "damaged" in rows["bad"]["fault"]
    assert melody("runs", "runs", "--quiet") == (0, "", "")


def test_nothing_to_compare(melody, here):
    for name, words in (("nope", "nope: no such folder"), (".", "no runs here")):
        said = melody("runs", name)
        assert said.status == 1 and words in said.err and said.err.count("\n") == 1
    assert melody("runs").status == 2
