"""``stripe-stateful-mock`` (npm), and a proxy of ours before it that makes it fail and search.

The mock is other people's work, and keeps charges and refunds as Stripe does. It has no search, no
list of disputes, and fails on purpose only where charges are made. The proxy adds these, for real
HTTP: it answers ``/v1/charges/search`` and ``/v1/disputes`` from what the mock shows otherwise, and
hits ``POST /v1/refunds`` with what a test plans. Everything else goes through.
"""

import http.client
import json
import os
import re
import subprocess
import threading
import time
from collections import deque
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.support.programs import from_npm

VERSION = "0.0.16"
KEY = "sk_test_closeloop"
PACKAGE = "stripe-stateful-mock"
_SERVE = """
const mock = require("stripe-stateful-mock");
const server = require("http").createServer(mock.createExpressApp());
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
"""


class Fault(Enum):
    """What the proxy does to a request."""

    TOO_MANY = "429"
    ERROR_BEFORE = "500, nothing was done"
    ERROR_AFTER = "500, it was done"
    SILENT_BEFORE = "no answer, nothing was done"
    SILENT_AFTER = "no answer, it was done"
    CUT_AFTER = "connection lost, it was done"


@contextmanager
def mock_or_skip() -> Generator["StripeMock"]:
    """Run the mock and the proxy on free ports of loopback, for the length of the block."""
    process = subprocess.Popen(
        ["node", "-e", _SERVE],
        cwd=from_npm(PACKAGE, VERSION),
        env={**os.environ, "LOG_LEVEL": "silent"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        proxy = _Proxy(port)
        thread = threading.Thread(target=proxy.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield StripeMock(proxy)
        finally:
            proxy.ending.set()
            proxy.shutdown()
            proxy.server_close()
            thread.join()
    finally:
        process.terminate()
        process.communicate(timeout=10)


class StripeMock:
    """What tests do with the mock beside what is tested."""

    def __init__(self, proxy: "_Proxy") -> None:
        self._proxy = proxy

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._proxy.server_address[1]}"

    def plan(self, *faults: Fault) -> None:
        """Hit the next refunds that are asked for."""
        self._proxy.faults.extend(faults)

    def attempts(self) -> int:
        """Return how many refunds were asked for."""
        return self._proxy.attempts

    def refunds(self, charge: str) -> list[tuple[int, str | None]]:
        """Return what was given back of a charge, and the ticket that its metadata names."""
        listed = self._proxy.pass_on("GET", f"/v1/refunds?charge={charge}", b"").json["data"]
        return [(one["amount"], one["metadata"].get("closeloop_ticket")) for one in listed]

    def charge(self, amount: int, *, source: str = "tok_visa", **metadata: str) -> str:
        """Take money, and return the charge's id."""
        fields = {"amount": amount, "currency": "usd", "source": source}
        words = {f"metadata[{name}]": value for name, value in metadata.items()}
        made = self._post("/v1/charges", {**fields, **words})
        if source.startswith("tok_createDispute"):
            self._until_disputed(made["id"])
        return made["id"]

    def refund(self, charge: str, amount: int) -> None:
        """Give money back, as somebody else."""
        self._post("/v1/refunds", {"charge": charge, "amount": amount})

    def _until_disputed(self, charge: str) -> None:
        deadline = time.monotonic() + 10
        while not self._proxy.pass_on("GET", f"/v1/charges/{charge}", b"").json["disputed"]:
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def _post(self, path: str, fields: Mapping[str, object]) -> Any:
        answer = self._proxy.pass_on("POST", path, urlencode(fields).encode())
        assert answer.status == 200, answer.body
        return answer.json


@dataclass(frozen=True)
class _Answer:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class _Proxy(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, mock_port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self._mock_port = mock_port
        self.faults: deque[Fault] = deque()
        self.attempts = 0
        self.ending = threading.Event()

    def pass_on(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str] | None = None
    ) -> _Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self._mock_port, timeout=10)
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        given = headers or {"Authorization": f"Bearer {KEY}", **form}
        connection.request(method, path, body, dict(given))
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        kept = {k: v for k, v in answer.getheaders() if k.lower() == "request-id"}
        return _Answer(answer.status, content, kept)

    def disputes(self, charge: str) -> _Answer:
        """Return the dispute of a charge, as a list."""
        found: list[Any] = []
        dispute = self.pass_on("GET", f"/v1/charges/{charge}", b"").json["dispute"]
        if dispute is not None:
            found = [self.pass_on("GET", f"/v1/disputes/{dispute}", b"").json]
        page = {"object": "list", "data": found, "has_more": False, "url": "/v1/disputes"}
        return _Answer(200, json.dumps(page).encode())

    def search(self, query: str) -> _Answer:
        """Return the charges whose metadata has one of the values that the query names."""
        wanted = set(re.findall(r'metadata\["order_id"\]:"([^"]*)"', query))
        listed = self.pass_on("GET", "/v1/charges", b"").json["data"]
        found = [charge for charge in listed if charge["metadata"].get("order_id") in wanted]
        page = {"object": "search_result", "data": found, "has_more": False, "next_page": None}
        return _Answer(200, json.dumps(page).encode())


class _Handler(BaseHTTPRequestHandler):
    server: _Proxy

    def handle_any(self) -> None:
        address = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if address.path == "/v1/charges/search":
            self._say(self.server.search(parse_qs(address.query)["query"][0]))
            return
        if address.path == "/v1/disputes":
            self._say(self.server.disputes(parse_qs(address.query)["charge"][0]))
            return
        fault = None
        if (self.command, address.path) == ("POST", "/v1/refunds"):
            self.server.attempts += 1
            fault = self.server.faults.popleft() if self.server.faults else None
        match fault:
            case Fault.TOO_MANY:
                error = {"type": "rate_limit_error", "code": "rate_limit", "message": "too many"}
                self._error(429, error, {"Retry-After": "7"})
                return
            case Fault.ERROR_BEFORE:
                self._error(500, {"type": "api_error", "message": "planned"})
                return
            case Fault.SILENT_BEFORE:
                self._silence()
                return
            case _:
                pass
        headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")}
        answer = self.server.pass_on(self.command, self.path, body, headers)
        match fault:
            case Fault.ERROR_AFTER:
                self._error(500, {"type": "api_error", "message": "planned"})
            case Fault.SILENT_AFTER:
                self._silence()
            case Fault.CUT_AFTER:
                self.close_connection = True
            case _:
                self._say(answer)

    do_GET = do_POST = handle_any

    def _silence(self) -> None:
        self.server.ending.wait(30)
        self.close_connection = True

    def _error(
        self, status: int, error: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> None:
        self._say(_Answer(status, json.dumps({"error": error}).encode(), dict(headers or {})))

    def _say(self, answer: _Answer) -> None:
        self.send_response(answer.status)
        for name, value in {**answer.headers, "Content-Type": "application/json"}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        with suppress(ConnectionError):  # who asked may have gone
            self.end_headers()
            self.wfile.write(answer.body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""
