"""Runs on the disk: metrics torn, taken up again or foreign; bundles damaged; what differs between recipes."""

import json
import shutil

import pytest

from melody.errors import MelodyError
from melody.evaluation.runs import differences, find_runs, read_metrics, read_run, write_run_page


def row(step, total=None, **more):
    valid = None if total is None else {"total": total, "pitch": total / 2}
    return {"step": step, "nats": 5.0, "norm": 1.0, "rate": 1e-3, "notes": 100 * step, "seconds": float(step), "valid": valid, **more}


def write(folder, rows, tail=""):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metrics.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows) + tail)
    return folder


def test_torn_and_foreign_lines_are_passed_over(tmp_path):
    tail = (
        '{"step": 30, "na\n[1]\n"text"\n{"step": -1}\n{"step": true}\n{"nats": 3}\n\n'
        '{"step": 40, "nats": NaN, "valid": {"total": "x"}}\n{"st'
    )
    rows = read_metrics(write(tmp_path / "run", [row(10), row(20, 4.0)], tail) / "metrics.jsonl")
    assert [r["step"] for r in rows] == [10, 20, 40]
    assert "nats" not in rows[2] and rows[2]["valid"] is None and rows[1]["valid"]["total"] == 4.0
    assert read_metrics(tmp_path / "nothing") == []


def test_a_run_that_was_taken_up_again(tmp_path):
    rows = read_metrics(write(tmp_path / "run", [row(10), row(20), row(30, 3.0), row(20, 4.0), row(25)]) / "metrics.jsonl")
    assert [(r["step"], r["valid"] and r["valid"]["total"]) for r in rows] == [(10, None), (20, 4.0), (25, None)]


def test_runs_in_order_of_their_best(tmp_path, model):
    write(tmp_path / "a", [row(10, 5.0), row(20, 4.5), row(30, 4.8)])
    write(tmp_path / "deep" / "b", [row(10, 4.0)])
    write(tmp_path / "c", [row(5)])
    write(tmp_path / ".hidden", [row(5)])
    write(tmp_path / "d", [], "torn")
    shutil.copytree(model, tmp_path / "e")
    runs = {r.name: r for r in find_runs(tmp_path)}
    assert set(runs) == {"a", "deep/b", "c", "d", "e"}
    known = [r.best["total"] for r in runs.values() if r.best]
    assert known == sorted(known) and not list(runs.values())[-1].best
    assert (runs["a"].best["total"], runs["a"].best_step, runs["a"].step, runs["a"].minutes) == (4.5, 20, 30, 0.5)
    assert "no line of it can be read" in runs["d"].fault and not runs["a"].fault
    assert runs["e"].parameters and runs["e"].best["total"] > 0 and runs["e"].recipe["train.steps"] == 40


def test_a_damaged_bundle_costs_its_facts(tmp_path, model):
    shutil.copytree(model, tmp_path / "run")
    (tmp_path / "run" / "bundle.json").write_text("{")
    run = read_run(tmp_path / "run", tmp_path)
    assert "damaged" in run.fault and run.step == 40 and run.parameters is None
    shutil.copytree(model, tmp_path / "bare")
    (tmp_path / "bare" / "model.safetensors").write_bytes(b"no")
    assert read_run(tmp_path / "bare", tmp_path).parameters is None
    (tmp_path / "bare" / "metrics.jsonl").unlink()
    (tmp_path / "bare" / "metrics.jsonl").mkdir()
    assert "is a folder" in read_run(tmp_path / "bare", tmp_path).fault


def test_what_differs(tmp_path, model):
    for name in ("a", "b"):
        shutil.copytree(model, tmp_path / name)
    facts = json.loads((tmp_path / "b" / "bundle.json").read_text())
    facts["training"]["recipe"]["train"]["rate"] = 0.5
    del facts["digest"]
    (tmp_path / "b" / "bundle.json").write_text(json.dumps(facts))
    write(tmp_path / "c", [row(1, 1.0)])
    found = differences(find_runs(tmp_path))
    assert found["b"] == {"train.rate": 0.5} and list(found["a"]) == ["train.rate"] and found["c"] == {}


def test_nowhere(tmp_path):
    with pytest.raises(MelodyError, match="no runs here"):
        find_runs(tmp_path)
    with pytest.raises(MelodyError, match="no such folder"):
        find_runs(tmp_path / "nope")


def test_the_page_of_a_run(tmp_path, songs):
    from melody import midi

    run = write(tmp_path / "<b>run", [row(s, 6 - s / 10 if s % 2 else None) for s in range(40)], '{"torn')
    data = (songs / "waltz" / "0.mid").read_bytes()
    path = write_run_page(run, {10: [data, midi.parse(data)], 39: [midi.parse(data)]})
    text = path.read_text("utf-8")
    assert path == run / "report.html" and "<b>run" not in text and "&lt;b&gt;run" in text
    assert text.count("data:audio/midi;base64,") == 3 and text.index("Samples at step 39") < text.index("Samples at step 10")
    assert "No metrics yet" in write_run_page(write(tmp_path / "new", []), {}).read_text("utf-8")
