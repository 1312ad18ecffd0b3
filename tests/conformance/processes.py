"""Starts and stops the programs under test: the server, and the proxy that holds its answers against a vendor's description."""

import json
import os
import re
import secrets
import signal
import subprocess
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
START_TIMEOUT = 30
STOP_TIMEOUT = 20


class Process:
    """A program that prints `listening on http://…` and ends in order at SIGTERM."""

    def __init__(self, arguments, folder, name, environment=None):
        self.name = name
        self.output = Path(folder) / f"{name}.out"
        self.log = Path(folder) / f"{name}.log"
        with self.output.open("wb") as output, self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [str(argument) for argument in arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=log,
                cwd=folder,
                env={**os.environ, **(environment or {})},
            )
        self.url = self._listening()

    def _listening(self):
        end = time.monotonic() + START_TIMEOUT
        while time.monotonic() < end:
            found = re.search(r"^listening on (http://\S+)$", self.output.read_text(), re.MULTILINE)
            if found:
                return found[1]
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        self.process.kill()
        raise RuntimeError(f"{self.name} did not start:\n{self.output.read_text()}\n{self.log.read_text()}")

    @property
    def address(self):
        return self.url.removeprefix("http://")

    def stop(self):
        """Its exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise RuntimeError(f"{self.name} did not stop:\n{self.log.read_text()}") from None


def program(variable, name):
    path = Path(os.environ.get(variable) or REPOSITORY / "target" / "debug" / name).resolve()
    if not path.exists():
        raise RuntimeError(f"{path} is not there: build it, or say in {variable} where it is")
    return path


def database(folder):
    """An empty database: a file in this folder, or one on the PostgreSQL server that ROSTER_TEST_POSTGRES names."""
    server = os.environ.get("ROSTER_TEST_POSTGRES")
    if not server:
        return f"sqlite://{folder}/roster.db"
    programs = subprocess.check_output(["tests/postgres-bin.sh"], cwd=REPOSITORY, text=True).strip()
    name = f"roster_{secrets.token_hex(6)}"
    subprocess.run([f"{programs}/psql", "-qX", "-d", server, "-c", f"CREATE DATABASE {name}"], check=True)
    return f"{server.rpartition('/')[0]}/{name}"


class Server(Process):
    """Roster, with a database and a realm key of its own."""

    def __init__(self, folder):
        self.key = f"bootstrap.{secrets.token_hex(16)}"
        listen = ["--listen", "127.0.0.1:0"]
        arguments = [program("ROSTER_BIN", "roster"), "serve", *listen, "--database", database(folder)]
        environment = {"ROSTER_BOOTSTRAP_KEY": self.key, "ROSTER_LOG": "info", "ROSTER_LOG_FORMAT": "json"}
        super().__init__(arguments, folder, "roster", environment)

    def errors(self):
        """What it logged as errors: answers of 5xx, panics."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if line.get("level") == "ERROR"]


class Proxy(Process):
    """In front of the server: compares its answers with the vendors' descriptions in VENDOR_SPECS."""

    def __init__(self, server, folder):
        self.report = Path(folder) / "report.json"
        super().__init__([program("SPEC_PROXY_BIN", "spec-proxy"), server.address, self.report], folder, "spec-proxy")

    def findings(self):
        return json.loads(self.report.read_text())
