"""scim2-tester and scim2-cli, as they are on PyPI. What counts are the results: their exit status is no proof."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import check_server

# As many as there were when this was written: fewer would mean that something isn't looked at any more.
CHECKS = 140


def test_every_check_of_the_tester_succeeds(server):
    headers = {"Authorization": f"Bearer {server.key}"}
    client = SyncSCIMClient(Client(base_url=f"{server.url}/scim/v2", headers=headers, timeout=60))
    client.discover()
    results = check_server(client)
    counts = Counter(result.status.name for result in results)
    other = [f"{result.status.name} {result.title}: {result.reason}" for result in results if result.status.name != "SUCCESS"]
    assert not other, "\n".join(other)
    assert counts["SUCCESS"] >= CHECKS, counts


def test_the_command_line_says_the_same(server):
    scim2 = Path(sys.executable).with_name("scim2")
    url = ["--url", f"{server.url}/scim/v2", "--header", f"Authorization: Bearer {server.key}"]
    done = subprocess.run([scim2, *url, "test"], capture_output=True, text=True, timeout=300, check=False)
    lines = [line.split()[0] for line in done.stdout.splitlines() if line.strip()]
    counts = Counter(word for word in lines if word in {"SUCCESS", "ERROR", "CRITICAL", "DEVIATION", "SKIPPED", "ACCEPTABLE", "COMPLIANT"})
    assert sum(counts.values()) >= CHECKS, done.stdout[-2000:] + done.stderr[-2000:]
    assert set(counts) <= {"SUCCESS", "COMPLIANT"}, done.stdout
