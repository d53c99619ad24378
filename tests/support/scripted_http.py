"""A small HTTP server that answers as a test says: with a status and a body, or not at all."""

import json
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Answer:
    """What a request gets."""

    status: int = 200
    body: object = field(default_factory=dict[str, object])
    """JSON, or bytes that are sent as they are."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    drip: float = 0.0
    """Seconds before each byte of the body; 0 sends it at once."""


@dataclass(frozen=True)
class Silence:
    """The request is read, and never answered."""


@dataclass(frozen=True)
class Cut:
    """The request is read, and the connection is closed."""


@dataclass(frozen=True)
class Request:
    """What came."""

    method: str
    path: str
    fields: dict[str, str]
    headers: dict[str, str]
    text: str = ""
    """The body as it came, or the query where there is none."""


Reply = Answer | Silence | Cut
Rule = Reply | Callable[[Request], Reply]


class ScriptedServer:
    """Answers on loopback with what was planned, each plan once; without a plan, with the rule.

    A plan or rule is for a method and a path: ``plan("POST /v1/refunds", Cut())``.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self._plans: dict[str, deque[Reply]] = {}
        self._rules: dict[str, Rule] = {}
        self._ending = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def plan(self, route: str, *replies: Reply) -> None:
        """Answer the next requests on a route so."""
        self._plans.setdefault(route, deque()).extend(replies)

    def always(self, route: str, reply: Rule) -> None:
        """Answer every request on a route so that has no plan."""
        self._rules[route] = reply

    def rule(self, route: str) -> Rule | None:
        """Return what a route is answered with where nothing is planned."""
        return self._rules.get(route)

    def of(self, route: str) -> list[Request]:
        """Return the requests that came on a route."""
        return [r for r in self.requests if f"{r.method} {r.path}" == route]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ending.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _reply(self, request: Request) -> Reply:
        self.requests.append(request)
        route = f"{request.method} {request.path}"
        planned = self._plans.get(route)
        if planned:
            return planned.popleft()
        rule = self._rules.get(route, Answer(404, {"error": {"message": f"no rule for {route}"}}))
        return rule(request) if callable(rule) else rule

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def handle_any(self) -> None:
                address = urlsplit(self.path)
                size = int(self.headers.get("Content-Length", "0"))
                text = self.rfile.read(size).decode() if size else address.query
                request = Request(
                    method=self.command,
                    path=address.path,
                    fields={k: v[0] for k, v in parse_qs(text, keep_blank_values=True).items()},
                    headers={k.lower(): v for k, v in self.headers.items()},
                    text=text,
                )
                match server._reply(request):
                    case Answer() as answer:
                        self.answer(answer)
                    case Silence():
                        server._ending.wait(30)
                        self.close_connection = True
                    case Cut():
                        self.close_connection = True

            do_GET = do_POST = handle_any

            def answer(self, answer: Answer) -> None:
                body = answer.body
                content = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                with suppress(ConnectionError):  # who asked may have gone
                    self.end_headers()
                    for part in [content] if not answer.drip else map(bytes, zip(content)):
                        if answer.drip and server._ending.wait(answer.drip):
                            break
                        self.wfile.write(part)

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing: the requests are kept."""

        return Handler
