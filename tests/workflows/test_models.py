"""Tickets whose agents ask a language model over HTTP, and what they do when it does not answer."""

import dataclasses
import json
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from temporalio.testing import WorkflowEnvironment

from closeloop.bootstrap import running_workers
from closeloop.models.ticket import Mode, Status
from tests.support.desk import build_services, edited_policies
from tests.support.model_stand_in import stand_in, team_at
from tests.support.models import ROUTE, completion, document_of, error, schema_of
from tests.support.scripted import ScriptedClassifier, ScriptedResolver, refund
from tests.support.scripted_http import Cut, Reply, Request, ScriptedServer
from tests.support.servers import time_skipping
from tests.workflows.play import NORA, Play, texts

pytestmark = pytest.mark.timeout(180)

REFUND_IT = "Please refund the mug of order #W1001, it is broken."


@pytest.fixture(scope="module")
def endpoint() -> Iterator[ScriptedServer]:
    with stand_in() as server:
        yield server


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def env() -> AsyncIterator[WorkflowEnvironment]:
    async with time_skipping() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def open_desk(
    env: WorkflowEnvironment, endpoint: ScriptedServer, tmp_path: Path
) -> AsyncIterator[Callable[..., Any]]:
    """Opens a desk whose agents ask the endpoint; the offline ones are scripted."""
    endpoint.requests.clear()
    opened: list[Any] = []

    async def open_one(budget: str | None = None) -> Play:
        policies = None
        if budget is not None:
            change = ('model_budget = "1.00"', f'model_budget = "{budget}"')
            policies = edited_policies(tmp_path, "desk.toml", change)
        services = build_services(
            tmp_path,
            resolver=ScriptedResolver(refund("#W1001")),
            classifier=ScriptedClassifier(by_word={"human": "speak_to_person"}),
            policies=policies,
        )
        services = dataclasses.replace(services, team=team_at(endpoint.url, services))
        workers = running_workers(env.client, services)
        await workers.__aenter__()
        desk = Play(env, services)
        opened.append((desk, workers, services))
        return desk

    yield open_one
    for desk, workers, services in opened:
        await desk.end()
        await workers.__aexit__(None, None, None)
        services.engine.dispose()
        services.backends.close()


def agents_asked(server: ScriptedServer) -> list[str]:
    return [schema_of(request)["name"] for request in server.requests]


async def test_a_refund_by_a_language_model(
    open_desk: Callable[..., Any], endpoint: ScriptedServer
) -> None:
    desk = await open_desk()
    handle = await desk.open(REFUND_IT, email=NORA)
    view = await desk.resolved(handle)
    assert (view.mode, view.classification.intent) == (Mode.AUTONOMOUS, "refund_request")
    assert view.actions[0].receipt.amount.amount_minor == 2490
    assert "$24.90" in texts(view)[0]
    assert view.proposals[-1].source == "gpt-test"

    # What was asked, and what it cost: the classifier, the retriever twice, the resolver.
    assert agents_asked(endpoint) == ["Reading", "Retrieval", "Retrieval", "Resolution"]
    each = 1000 * 2 + 100 * 8
    assert view.cost.usd_micros == 4 * each
    assert (view.cost.input_tokens, view.cost.output_tokens) == (4000, 400)
    called = desk.events(handle, "model_called")
    assert [e.data["agent"] for e in called] == ["classify", "retrieve", "retrieve", "resolve"]
    assert all(e.data["usd_micros"] == each and e.data["prompt"] for e in called)

    # No more of the customer than is needed.
    for request in endpoint.requests:
        assert "whitfield" not in request.text.lower()
        assert NORA not in request.text


async def test_busy_then_broken_then_good(
    open_desk: Callable[..., Any], endpoint: ScriptedServer
) -> None:
    desk = await open_desk()
    endpoint.plan(ROUTE, error(429, headers={"Retry-After": "20"}), error(500), Cut())
    handle = await desk.open(REFUND_IT, email=NORA)
    view = await desk.resolved(handle)
    assert view.mode is Mode.AUTONOMOUS
    assert agents_asked(endpoint)[:4] == ["Reading"] * 4
    assert await desk.notes(handle, "models down") == []


async def test_a_proposal_that_is_no_use_is_paid_for(
    open_desk: Callable[..., Any], endpoint: ScriptedServer
) -> None:
    desk = await open_desk()
    usual = endpoint_rule(endpoint)

    def never(request: Request) -> Reply:
        reply = usual(request)
        if schema_of(request)["name"] != "Resolution":
            return reply
        promise = {"kind": "reply", "text": "we will call", "due_in_hours": 99_999}
        answered = json.loads(reply.body["choices"][0]["message"]["content"])
        return completion({**answered, "commitments": [promise]})

    endpoint.always(ROUTE, never)
    try:
        handle = await desk.open(REFUND_IT, email=NORA)
        view = await desk.until(handle, Status.AWAITING_APPROVAL)
    finally:
        endpoint.always(ROUTE, usual)
    assert view.cost.usd_micros == 4 * (1000 * 2 + 100 * 8)
    assert "bad_proposal" in (await desk.notes(handle, "models down"))[0]


async def test_the_models_are_out_and_come_back(
    open_desk: Callable[..., Any], endpoint: ScriptedServer
) -> None:
    desk = await open_desk()
    endpoint.plan(ROUTE, error(401, message="bad key"))
    handle = await desk.open(REFUND_IT, email=NORA)
    await desk.asked(handle)  # a person looks at what the offline models propose
    view = await desk.view(handle)
    assert (view.mode, view.proposals[-1].source) == (Mode.ASSISTED, "offline")
    assert "language models do not answer" in view.mode_reasons[0]
    [note] = await desk.notes(handle, "models down")
    assert note.startswith("authentication: ")
    assert agents_asked(endpoint) == ["Reading"], "the rest of the turn is offline"

    await desk.say(handle, "It is the mug of order #W1001, refund it please.")
    await desk.noted(handle, "models back")
    view = await desk.resolved(handle)
    assert view.proposals[-1].source == "gpt-test"
    assert len(desk.refunds("#W1001")) == 1
    kinds = desk.kinds(handle)
    assert kinds.index("models_down") < kinds.index("models_back")


async def test_an_answer_that_is_no_use_is_paid_for(
    open_desk: Callable[..., Any], endpoint: ScriptedServer
) -> None:
    desk = await open_desk()
    endpoint.plan(ROUTE, completion("no"), completion("still no"))
    handle = await desk.open(REFUND_IT, email=NORA)
    await desk.asked(handle)
    view = await desk.view(handle)
    assert view.cost.usd_micros == 2 * 2800
    assert (await desk.notes(handle, "models down"))[0].startswith("malformed: ")


async def test_over_budget_the_offline_models_go_on(
    open_desk: Callable[..., Any], endpoint: ScriptedServer
) -> None:
    desk = await open_desk(budget="0.01")  # 10,000 micros: the fourth call brings it above
    handle = await desk.open(REFUND_IT, email=NORA)
    await desk.resolved(handle)
    asked = len(endpoint.requests)
    await desk.say(handle, "Please refund it again, order #W1001.")
    await desk.noted(handle, "budget spent")
    await desk.until(handle, Status.RESOLVED, Status.AWAITING_APPROVAL, Status.ESCALATED)
    view = await desk.view(handle)
    assert len(endpoint.requests) == asked
    assert view.mode is not Mode.AUTONOMOUS
    assert view.cost.usd_micros == 4 * 2800


async def test_a_gap_in_what_is_known(
    open_desk: Callable[..., Any], endpoint: ScriptedServer
) -> None:
    desk = await open_desk()
    answered = endpoint_rule(endpoint)

    def gap(request: Request) -> Any:
        if schema_of(request)["name"] != "Retrieval":
            return answered(request)
        left = document_of(request)["searches_left"]
        return completion(
            {
                "thoughts": "",
                "useful_passage_ids": ["invented"],
                "answered": False,
                "missing": "Whether mugs may be microwaved.",
                "searches": [{"query": f"mug microwave {left}", "kind": "any"}],
            }
        )

    endpoint.always(ROUTE, gap)
    try:
        handle = await desk.open("May I put the stoneware mug into a microwave?", email=NORA)
        await desk.noted(handle, "knowledge gap")
        await desk.until(handle, Status.RESOLVED, Status.ESCALATED, Status.AWAITING_CUSTOMER)
    finally:
        endpoint.always(ROUTE, answered)
    view = await desk.view(handle)
    assert "invented" not in [p.passage_id for p in view.passages]
    assert agents_asked(endpoint).count("Retrieval") == 3, "it searches twice, and no more"
    await desk.eventually(lambda: bool(desk.events(handle, "knowledge_gap")))
    [gap_event] = desk.events(handle, "knowledge_gap")
    assert gap_event.data["missing"] == "Whether mugs may be microwaved."


def endpoint_rule(endpoint: ScriptedServer) -> Callable[[Request], Any]:
    rule = endpoint.rule(ROUTE)
    assert callable(rule)
    return rule
