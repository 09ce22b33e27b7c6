"""A training loop's run: one file that grows, taken at any time, measured later at any of its checkpoints."""

import math
import os
import signal
import subprocess
import sys
import textwrap

import zipfile
from pathlib import Path

import covature
import pytest
import torch
from torch import nn

torch.manual_seed(4)
x = torch.randn(60, 6)
y = (x[:, 0] > 0).long() + (x[:, 1] > 0).long()


def network():
    torch.manual_seed(5)
    return nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3))


def train(run, model, steps=30, begin=0):
    optimiser = torch.optim.SGD(model.parameters(), lr=0.5)
    for step in range(begin, begin + steps):
        loss = nn.functional.cross_entropy(model(x), y)
        run.log(step, loss=loss, rate=0.5)
        if step % 10 == 0:
            run.checkpoint(step, model)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def test_a_finished_run_has_its_curves_and_is_measured_at_its_checkpoints(tmp_path, covature_command):
    model = network()
    path = tmp_path / "run.covature"
    config = {"lr": 0.5, "batch_size": 60, "seed": 5, "note": "a first try"}
    with covature.Run("tanh by hand", config, model=model, data=(x, y), path=path) as run:
        train(run, model)
        run.log(30, text="the end is near")
    # What was written is an archive like any other.
    assert zipfile.ZipFile(path).testzip() is None

    status, imported, errors = covature_command("import", path)
    assert status == 0, errors
    assert imported[0]["added"] and imported[0]["ended"]
    assert imported[0]["check"]["error"] < 1e-12
    run_id = imported[0]["id"]
    status, shown, _ = covature_command("show", run_id)
    assert status == 0
    assert shown["status"] == "done"
    assert shown["values"]["optimiser.lr"]["value"] == 0.5
    assert shown["values"]["config.note"]["text"] == "a first try"
    expected = nn.functional.cross_entropy(network()(x), y).item()
    for step, loss in ((0, expected), (20, None)):
        status, summary, errors = covature_command("measure", "--run", run_id, "--step", step, "--parameter", "2.kernel", "--convergence", "none")
        assert status == 0, errors
        assert loss is None or math.isclose(summary["loss"], loss, rel_tol=1e-6)
    status, again, _ = covature_command("import", path)
    assert not again[0]["added"]


def test_a_growing_run_is_taken_bit_by_bit(tmp_path, covature_command):
    model = network()
    run = covature.Run("grows", model=model, data=(x, y), path=tmp_path / "run.covature", every=0)
    train(run, model)
    status, first, errors = covature_command("import", run.path)
    assert status == 0, errors
    assert not first[0]["ended"]
    train(run, model, steps=10, begin=30)
    run.finish()
    status, second, _ = covature_command("import", run.path)
    assert (second[0]["id"], second[0]["added"], second[0]["ended"]) == (first[0]["id"], False, True)
    _, shown, _ = covature_command("show", first[0]["id"])
    assert shown["status"] == "done" and shown["step"] == 39


def test_a_killed_process_leaves_what_it_had_written(tmp_path, covature_command):
    script = textwrap.dedent(
        f"""
        import sys, time
        sys.path[:0] = {[str(Path(covature.__file__).parent), str(Path(__file__).parent)]!r}
        import covature, test_run
        model = test_run.network()
        run = covature.Run("killed", model=model, data=(test_run.x, test_run.y), path={str(tmp_path / "run.covature")!r}, every=0)
        test_run.train(run, model)
        print("written", flush=True)
        time.sleep(60)
        """
    )
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "written\n"
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    status, imported, errors = covature_command("import", tmp_path / "run.covature", "--follow")
    assert status == 0, errors
    _, shown, _ = covature_command("show", imported[0]["id"])
    assert shown["status"] == "interrupted" and "without finish()" in shown["error"]
    assert shown["step"] == 29


def test_following_ends_with_the_run(tmp_path, covature_command):
    model = network()
    run = covature.Run("followed", model=model, data=(x, y), path=tmp_path / "run.covature", every=0)
    train(run, model, steps=5)
    command = [*covature._command(), "import", run.path, "--follow", "--json", "--store", str(tmp_path / "store")]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    # It has caught up once it tells of the last batch.
    for line in child.stderr:
        if line.startswith("step 4"):
            break
    train(run, model, steps=5, begin=5 + 5)
    run.finish(error="the loss is not finite")
    out, _ = child.communicate(timeout=60)
    assert child.returncode == 0 and '"ended": true' in out
    _, shown, _ = covature_command("list")
    assert [(each["name"], each["status"]) for each in shown["rows"]] == [("followed", "failed")]


def test_a_run_without_a_model_has_its_curves_alone(tmp_path, covature_command):
    with covature.Run("curves", {"lr": 0.1}, path=tmp_path / "run.covature") as run:
        for step in range(5):
            run.log(step, loss=float("nan") if step == 4 else 1 / (1 + step))
    status, imported, errors = covature_command("import", run.path)
    assert status == 0, errors
    status, _, errors = covature_command("measure", "--run", imported[0]["id"], "--parameter", "2.kernel")
    assert status == 2 and "has curves alone" in errors


def test_an_exception_marks_the_run_as_failed(tmp_path, covature_command):
    with pytest.raises(ZeroDivisionError):
        with covature.Run("breaks", path=tmp_path / "run.covature") as run:
            run.log(0, loss=1.0)
            1 / 0
    _, imported, _ = covature_command("import", run.path)
    _, shown, _ = covature_command("show", imported[0]["id"])
    assert shown["status"] == "failed" and "ZeroDivisionError" in shown["error"]


def test_bad_calls_say_what_is_wrong(tmp_path):
    run = covature.Run("strict", path=tmp_path / "run.covature")
    run.log(3, loss=1.0)
    with pytest.raises(ValueError, match="loss: steps increase; found 3 after 3"):
        run.log(3, loss=2.0)
    with pytest.raises(ValueError, match="give data="):
        run.checkpoint(3, network())
    with pytest.raises(FileExistsError):
        covature.Run("strict", path=tmp_path / "run.covature")
    run.finish()
    with pytest.raises(ValueError, match="is finished"):
        run.log(4, loss=1.0)


def test_a_model_given_with_its_first_checkpoint(tmp_path, covature_command):
    model = network()
    run = covature.Run("late", data=(x, y), path=tmp_path / "run.covature")
    run.log(0, loss=1.0)
    run.checkpoint(0, model)
    run.finish()
    status, imported, errors = covature_command("import", run.path)
    assert status == 0, errors
    status, summary, errors = covature_command("measure", "--run", imported[0]["id"], "--parameter", "0.kernel", "--convergence", "none")
    assert status == 0, errors
    assert summary["parameter"] == "0.kernel"


@pytest.mark.parametrize("wide_from,many", [(0, 0), (2000, 2**16 - 1), (2**32 - 1, 3)])
def test_run_files_beyond_4_gb_and_65535_entries(wide_from, many, tmp_path, covature_command, monkeypatch):
    """With the limits of the short form set low: the wide fields are read by Python's zipfile and by Covature, growing and finished."""
    monkeypatch.setattr(covature._Archive, "wide_from", wide_from)
    monkeypatch.setattr(covature._Archive, "many", many)
    model = network()
    run = covature.Run("wide", model=model, data=(x, y), path=tmp_path / "run.covature", every=0)
    train(run, model, steps=3)
    status, first, errors = covature_command("import", run.path)
    assert status == 0, errors
    train(run, model, steps=3, begin=3)
    run.finish()
    with zipfile.ZipFile(run.path) as archive:
        assert archive.testzip() is None
        assert "end.json" in archive.namelist() and "checkpoints/0.safetensors" in archive.namelist()
    status, _, errors = covature_command("import", run.path)
    assert status == 0, errors
    _, shown, _ = covature_command("show", first[0]["id"])
    assert shown["status"] == "done" and shown["step"] == 5
    status, summary, errors = covature_command("measure", "--run", first[0]["id"], "--step", "0", "--parameter", "0.kernel", "--convergence", "none")
    assert status == 0, errors
