"""The notebooks run from top to bottom, and are kept without their output."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="notebooks are run with nbclient and ipykernel: pip install '.[test]'")
nbclient = pytest.importorskip("nbclient", reason="notebooks are run with nbclient and ipykernel: pip install '.[test]'")
pytest.importorskip("ipykernel", reason="notebooks are run with nbclient and ipykernel: pip install '.[test]'")

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
every = pytest.mark.parametrize("path", NOTEBOOKS, ids=[p.stem for p in NOTEBOOKS])


@every
def test_outputs_are_stripped(path: Path) -> None:
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            assert not cell.outputs and cell.execution_count is None


@pytest.mark.slow
@every
def test_it_runs(path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With the model that MELODY_MODEL names, or one that was trained for some seconds: what it writes does not matter here."""
    named = os.environ.get("MELODY_MODEL")
    model = Path(named).absolute() if named else request.getfixturevalue("model")  # the kernel starts in the notebooks' folder
    monkeypatch.setenv("MELODY_MODEL", str(model))
    monkeypatch.setenv("MELODY_SHORT", "1")  # notebooks that train take a few steps only
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    notebook = nbformat.read(path, as_version=4)
    place = {"metadata": {"path": str(path.parent)}}
    client = nbclient.NotebookClient(notebook, timeout=600, startup_timeout=600, kernel_name="python3", resources=place)
    client.execute()
    images = sum("image/png" in output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", []))
    assert images > 0
