"""``@copilotkit/aimock`` (npm): other people's mock of OpenAI's endpoint, with chaos on demand."""

import json
import subprocess
import urllib.request
from collections.abc import Generator, Mapping
from contextlib import contextmanager

from tests.support.programs import from_npm

VERSION = "1.43.0"
PACKAGE = "@copilotkit/aimock"
_SERVE = """
const { LLMock } = require("@copilotkit/aimock");
const mock = new LLMock({ port: 0, logLevel: "silent" });
mock.addFixture({ match: { endpoint: "chat" }, response: { content: process.argv[1] } });
mock.start().then(() => console.log(mock.url));
"""


class AiMock:
    """The mock, answering one thing unless chaos is asked for."""

    def __init__(self, url: str) -> None:
        self.url = url

    def chaos(self, rates: Mapping[str, float]) -> None:
        """Fail by these rates from now on; none at all for no rates."""
        request = urllib.request.Request(
            f"{self.url}/__aimock/chaos",
            data=json.dumps(rates).encode() if rates else None,
            headers={"Content-Type": "application/json"},
            method="POST" if rates else "DELETE",
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status < 300


@contextmanager
def aimock_or_skip(answer: object) -> Generator[AiMock]:
    """Run the mock on a free port of loopback, answering ``answer`` as JSON."""
    process = subprocess.Popen(
        ["node", "-e", _SERVE, json.dumps(answer)],
        cwd=from_npm(PACKAGE, VERSION),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield AiMock(process.stdout.readline().strip())
    finally:
        process.terminate()
        process.communicate(timeout=10)
