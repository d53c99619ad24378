"""``SupportDesk`` as the README shows it, against a real worker and server."""

import ast
import inspect
import re
from pathlib import Path
from typing import Any

import pytest

from closeloop.models.view import TicketSummary
from starter import Opened, SupportDesk
from tests.support.command_line import DevWorker
from tests.support.desk import ROOT


async def test_support_desk_as_the_readme_uses_it(
    dev_worker: DevWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CLOSELOOP_STATE_DIR", "CLOSELOOP_POLICIES_DIR"):
        monkeypatch.setenv(name, dev_worker.environment[name])
    told = await _run(_example_of(ROOT / "README.md"))
    desk, opened, view = told["desk"], told["opened"], told["view"]
    assert isinstance(desk, SupportDesk)
    assert isinstance(opened, Opened)
    assert opened.ticket_id == "T-1001"
    assert view.status == "resolved"
    after = await desk.get_ticket("T-1001")
    assert after.messages[-1].text == "Yes, solved, thank you!"

    asked = await desk.open_ticket(
        {
            "assurance": "confirmed",
            "customer": {"email": "omar.haddad@example.com"},
            "subject": "Speaker",
            "body": "Please refund order #W1019.",
        },
        opened_by="bob",
    )
    await desk.operate(asked.ticket_id, "take_over", "carol")
    view = await desk.wait(asked.ticket_id)
    assert view.escalation is not None
    rows = await desk.list_tickets(view.status)
    assert asked.ticket_id in [one.ticket_id for one in rows]
    assert all(isinstance(one, TicketSummary) for one in rows)


def _example_of(readme: Path) -> str:
    """Return the Python that the README shows."""
    (code,) = re.findall(r"```python\n(.*?)```", readme.read_text(), re.DOTALL)
    return code


async def _run(code: str) -> dict[str, Any]:
    """Run code that awaits, and return its names."""
    names: dict[str, Any] = {}
    compiled = compile(code, "README.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    running = eval(compiled, names)
    assert inspect.isawaitable(running)
    await running
    return names
