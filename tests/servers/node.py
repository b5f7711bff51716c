"""Installs the JavaScript tools that some tests compare with, outside the source tree."""

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.servers.requirement import require

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "tests" / "node"
CACHE = ROOT / ".cache" / "node"


@pytest.fixture(scope="session")
def node_project() -> Path:
    """Give a folder with the scripts of tests/node and everything their lock file names.

    It is kept for the next run, under a name made from its content.
    """
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        require("node", "node and npm are not installed")
    sources = sorted(path for path in SOURCE.iterdir() if path.is_file())
    content = hashlib.sha256(b"".join(path.read_bytes() for path in sources))
    finished = CACHE / content.hexdigest()[:16]
    if finished.exists():
        return finished
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="unfinished-") as parent:
        folder = Path(parent, "project")
        folder.mkdir()
        for path in sources:
            shutil.copy(path, folder)
        install = subprocess.run(
            [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if install.returncode:
            require("node", f"npm could not install tests/node: {install.stderr.strip()}")
        folder.rename(finished)
    return finished
