"""Logs: on stderr, with the ticket they are about, without what customers wrote."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import structlog
from temporalio import activity
from temporalio.testing import ActivityEnvironment

from closeloop.telemetry import configure_logging, ticket_logged


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Return what was logged; nothing of it on stdout."""
    out, err = capsys.readouterr()
    assert out == ""
    return [json.loads(line) for line in err.splitlines()]


def test_a_line_names_its_ticket(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json", "info")
    log = structlog.get_logger("desk")
    with ticket_logged("acme", "T1~2"):
        log.info("opened", orders=2)
        logging.getLogger("library").warning("slow %s", "call", extra={"seconds": 3})
    log.info("elsewhere")
    ours, library, elsewhere = lines(capsys)
    assert (ours["event"], ours["level"], ours["logger"], ours["orders"]) == (
        "opened",
        "info",
        "desk",
        2,
    )
    assert (library["event"], library["seconds"]) == ("slow call", 3)
    for line in (ours, library):
        assert (line["tenant"], line["ticket_id"]) == ("acme", "T1~2")
        assert line["workflow_id"] == "ticket:acme:T1~2"
    assert "ticket_id" not in elsewhere
    assert elsewhere["timestamp"].endswith("Z")


def test_an_activity_names_its_ticket_by_itself(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json", "info")
    environment = ActivityEnvironment()
    environment.info = replace(
        environment.info, workflow_id="ticket:default:T1", activity_type="refund_payment", attempt=3
    )

    @activity.defn
    def refund_payment() -> None:
        activity.logger.warning("sdk")
        structlog.get_logger("payments").info("ours")

    environment.run(refund_payment)
    for line, event in zip(lines(capsys), ("sdk", "ours"), strict=True):
        assert line["event"] == event
        assert (line["tenant"], line["ticket_id"]) == ("default", "T1")
        assert (line["activity"], line["attempt"]) == ("refund_payment", 3)
        assert "temporal_activity" not in line


def test_an_activity_of_another_workflow_names_only_that(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging("json", "info")
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, workflow_id="knowledge-sync")
    environment.run(lambda: structlog.get_logger().info("synced"))
    (line,) = lines(capsys)
    assert line["workflow_id"] == "knowledge-sync"
    assert "ticket_id" not in line


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_traceback_shows_no_local_variables(
    capsys: pytest.CaptureFixture[str], log_format: Any
) -> None:
    configure_logging(log_format, "info")

    def fails(parts: list[str]) -> None:
        card = " ".join(parts)
        raise ValueError(len(card))

    try:
        fails(["card", "4111"])
    except ValueError:
        structlog.get_logger().exception("failed")
    err = capsys.readouterr().err
    assert "ValueError" in err
    assert "fails" in err
    assert "card 4111" not in err


def test_the_level_holds_and_a_second_call_does_not_double(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging("json", "debug")
    configure_logging("json", "warning")
    structlog.get_logger().info("not shown")
    logging.getLogger("library").info("not shown")
    structlog.get_logger().warning("shown")
    assert [line["event"] for line in lines(capsys)] == ["shown"]
