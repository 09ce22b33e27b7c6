import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

root = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(root / "resources" / "python"), str(Path(__file__).parent)]
# The sources run as they are; vitest names its own Node.
node = root / "node_modules" / ".bin" / "node"
os.environ.setdefault("COVATURE", shlex.join([str(node), str(root / "src" / "main" / "cli" / "index.ts")]))
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("COVATURE_FORECAST", "off")


@pytest.fixture
def covature_command(tmp_path):
    """Runs the command line on a store of its own; answers (status, document or text, standard error)."""

    def run(*arguments):
        command = [*shlex.split(os.environ["COVATURE"]), *map(str, arguments), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "COVATURE_HOME": str(tmp_path / "store"), "COVATURE_FORECAST": "off"})
        document = json.loads(done.stdout) if done.stdout.strip() else None
        return done.returncode, document, done.stderr

    return run


@pytest.fixture
def agrees(covature_command):
    """Imports a model file, and answers how far Covature's numbers are from PyTorch's."""

    def check(path):
        status, document, errors = covature_command("import", path)
        assert status == 0, errors
        return document[0]["check"]["error"]

    return check
