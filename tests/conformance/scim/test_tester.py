"""scim2-tester and scim2-cli, as they are on PyPI. What counts are the results: their exit status is no proof."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import check_server

from processes import Server

# As many as there were when this was written: fewer would mean that something isn't looked at any more.
CHECKS = 140


@pytest.fixture
def alone(tmp_path):
    """A server of its own: the tester looks for what it makes on the first page of everything."""
    server = Server(tmp_path)
    yield server
    assert server.stop() == 0
    assert not server.errors()


def test_every_check_of_the_tester_succeeds(alone):
    headers = {"Authorization": f"Bearer {alone.key}"}
    with Client(base_url=f"{alone.url}/scim/v2", headers=headers, timeout=60) as connection:
        client = SyncSCIMClient(connection)
        client.discover()
        results = check_server(client)
    counts = Counter(result.status.name for result in results)
    other = [f"{result.status.name} {result.title}: {result.reason}" for result in results if result.status.name != "SUCCESS"]
    assert not other, "\n".join(other)
    assert counts["SUCCESS"] >= CHECKS, counts


def test_the_command_line_says_the_same(alone):
    scim2 = Path(sys.executable).with_name("scim2")
    url = ["--url", f"{alone.url}/scim/v2", "--header", f"Authorization: Bearer {alone.key}"]
    done = subprocess.run([scim2, *url, "test"], capture_output=True, text=True, timeout=300, check=False)
    lines = [line.split()[0] for line in done.stdout.splitlines() if line.strip()]
    counts = Counter(word for word in lines if word in {"SUCCESS", "ERROR", "CRITICAL", "DEVIATION", "SKIPPED", "ACCEPTABLE", "COMPLIANT"})
    assert sum(counts.values()) >= CHECKS, done.stdout[-2000:] + done.stderr[-2000:]
    assert set(counts) <= {"SUCCESS", "COMPLIANT"}, done.stdout
