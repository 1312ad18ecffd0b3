"""The JavaScript client; its tests are in its own language."""

import os
import subprocess
from pathlib import Path

FOLDER = Path(__file__).parent / "node"


def test_the_javascript_client(url, server):
    assert (FOLDER / "node_modules").exists(), f"npm ci --prefix {FOLDER}"
    environment = {**os.environ, "ROSTER_URL": url, "ROSTER_KEY": server.key}
    done = subprocess.run(
        ["node", "--test", "suite.test.mjs"], cwd=FOLDER, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
