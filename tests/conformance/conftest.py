"""What the conformance tests of every vendor share: one server for the whole session, and the native API beside it."""

import itertools
import os
import secrets

import pytest

from native import Native
from processes import Proxy, Server

FINDINGS = pytest.StashKey()


def started(program, *arguments):
    try:
        return program(*arguments)
    except RuntimeError as error:
        # Every test would say the same.
        pytest.exit(str(error), returncode=1)


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    server = started(Server, tmp_path_factory.mktemp("roster"))
    yield server
    code = server.stop()
    assert code == 0, f"exit code {code}:\n{server.log.read_text()[-4000:]}"
    assert not server.errors(), server.errors()


@pytest.fixture(scope="session")
def url(server, tmp_path_factory, request):
    """Where clients connect to: the server, or the proxy that checks what it answers."""
    if not os.environ.get("VENDOR_SPECS"):
        yield server.url
        return
    proxy = started(Proxy, server, tmp_path_factory.mktemp("proxy"))
    yield proxy.url
    code = proxy.stop()
    findings = request.config.stash[FINDINGS] = proxy.findings()
    assert not findings["violations"], "\n".join(findings["violations"])
    assert findings["checked"] > 0
    assert code == 0, proxy.log.read_text()


def pytest_terminal_summary(terminalreporter, config):
    findings = config.stash.get(FINDINGS, None)
    if findings:
        terminalreporter.section("vendors' descriptions")
        problems = len(findings["violations"])
        terminalreporter.write_line(f"{findings['checked']} answers were checked, {problems} of them not as described")
        for operation in findings["unseen"]:
            terminalreporter.write_line(f"never answered with success: {operation}")


@pytest.fixture(scope="session")
def native(server):
    """The native API with the realm key, past the proxy."""
    return Native(server.url, server.key)


@pytest.fixture(scope="session")
def fresh():
    """Makes words that no other test of this session uses: `fresh("jo")`."""
    run, numbers = secrets.token_hex(3), itertools.count(1)
    return lambda word="x": f"{word}{run}{next(numbers)}"
