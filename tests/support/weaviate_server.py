"""A real Weaviate server, built by ``go install`` once and kept for later runs.

It runs alone on loopback, in a folder that goes away with it: free ports, no modules, no telemetry,
no cluster beyond itself.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.support.programs import missing

VERSION = "v1.38.11"
_MODULE = "github.com/weaviate/weaviate/cmd/weaviate-server"
_FOLDER = Path(tempfile.gettempdir()) / f"closeloop-{os.getuid()}" / f"weaviate-{VERSION}"
_PROGRAM = _FOLDER / "weaviate-server"
_BUILD_SECONDS = 3_000
_START_SECONDS = 120


@dataclass(frozen=True)
class Weaviate:
    """A running server."""

    port: int
    grpc_port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def empty(self) -> None:
        """Delete every collection."""
        schema = requests.get(f"{self.url}/v1/schema", timeout=30).json()
        for one in schema["classes"]:
            requests.delete(f"{self.url}/v1/schema/{one['class']}", timeout=30).raise_for_status()


def build() -> str:
    """Build the server, if it is not there; return why that cannot be, or nothing.

    A Go that is older than the module asks for fetches the right one by itself (GOTOOLCHAIN=auto),
    from Go 1.21 on. `make test-real` calls this before pytest, whose timeout is for tests.
    """
    if _PROGRAM.exists():
        return ""
    if not shutil.which("go"):
        return "weaviate-server needs go, 1.21 or newer, to be built"
    _FOLDER.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["go", "install", f"{_MODULE}@{VERSION}"],
        env={**os.environ, "CGO_ENABLED": "0", "GOBIN": str(_FOLDER), "GOTOOLCHAIN": "auto"},
        capture_output=True,
        text=True,
        timeout=_BUILD_SECONDS,
        check=False,
    )
    return f"go install {_MODULE}@{VERSION}: {done.stderr[-500:]}" if done.returncode else ""


@contextmanager
def weaviate_server() -> Generator[Weaviate]:
    """Run the server for the length of the block."""
    if problem := build():
        missing(problem)
    port, grpc, gossip, data, raft, rpc = _free_ports(6)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="weaviate-")))
        log = stack.enter_context((folder / "log").open("w"))
        process = subprocess.Popen(
            [str(_PROGRAM), "--scheme", "http", "--host", "127.0.0.1", "--port", str(port)],
            cwd=folder,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(folder),
                "PERSISTENCE_DATA_PATH": str(folder / "data"),
                "AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED": "true",
                "DEFAULT_VECTORIZER_MODULE": "none",
                "DISABLE_TELEMETRY": "true",
                "GO_PROFILING_DISABLE": "true",
                "LOG_LEVEL": "warning",
                "GRPC_PORT": str(grpc),
                "CLUSTER_HOSTNAME": "node1",
                "CLUSTER_BIND_ADDR": "127.0.0.1",
                "CLUSTER_ADVERTISE_ADDR": "127.0.0.1",
                "CLUSTER_GOSSIP_BIND_PORT": str(gossip),
                "CLUSTER_DATA_BIND_PORT": str(data),
                "RAFT_PORT": str(raft),
                "RAFT_INTERNAL_RPC_PORT": str(rpc),
                "RAFT_BOOTSTRAP_EXPECT": "1",
                "RAFT_JOIN": f"node1:{raft}",
            },
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        stack.callback(_stop, process)
        running = Weaviate(port, grpc)
        _wait(running, process, folder / "log")
        yield running


def _wait(server: Weaviate, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if requests.get(f"{server.url}/v1/.well-known/ready", timeout=5).ok:
                return
        except requests.ConnectionError:
            pass
        time.sleep(0.2)
    pytest.fail(f"weaviate-server is not ready: {log.read_text()[-2_000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_ports(count: int) -> Sequence[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


if __name__ == "__main__":
    sys.stdout.write(f"weaviate-server {VERSION}: {build() or 'ready'}\n")
