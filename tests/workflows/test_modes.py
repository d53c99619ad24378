"""Modes by intent, the switch that stops autonomous writes, and what people do where we may not."""

from pathlib import Path
from typing import Any

import pytest

from closeloop.models.base import Money
from closeloop.models.ticket import Mode, Status
from closeloop.store.stops import SqlStops
from tests.support.desk import Handle, canned_policies, edited_policies
from tests.support.scripted import ScriptedResolver, refund
from tests.workflows.cases import two_mugs
from tests.workflows.held import Held
from tests.workflows.play import NORA, SAMUEL, OpenDesk, Play, texts


def refunds_are(mode: str, folder: Path) -> Path:
    canned_policies(folder)
    change = ("[waits]", f'[modes]\nrefund_request = "{mode}"\n\n[waits]')
    return edited_policies(folder, "desk.toml", change)


async def with_people(desk: Play, *, order_id: str = "#W1005") -> Handle:
    handle = await desk.open(f"Please refund order {order_id}.", email=SAMUEL)
    await desk.until(handle, Status.ESCALATED)
    await desk.eventually(lambda: len(desk.cases()) == 1)
    return handle


def by_hand(desk: Play, minor: int) -> None:
    money = Money(amount_minor=minor)
    desk.services.backends.payments.refund("default", f"by-hand-{minor}", "#W1005", money)


# ------------------------------------------------------------------------------ modes by intent


async def test_an_intent_may_be_assisted_where_the_others_are_not(
    open_desk: OpenDesk, tmp_path: Path
) -> None:
    policies = refunds_are("assisted", tmp_path)
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1001")), policies=policies)
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    await desk.asked(handle)
    view = await desk.view(handle)
    assert view.mode is Mode.ASSISTED
    assert any("the desk's modes.refund_request" in why for why in view.mode_reasons)
    await desk.decide(handle, "alice", approve=True)
    await desk.resolved(handle)
    [judged] = desk.services.records.judgements("default")
    assert judged.facts.mode_cap is Mode.ASSISTED
    assert judged.facts.cap_source == "the desk's modes.refund_request"
    assert "mode.assisted" in judged.rules


@pytest.mark.parametrize(("mode", "told"), [("advisory", 2), ("shadow", 0)])
async def test_what_the_person_did_is_read_back_though_they_did_not_say_it(
    open_desk: OpenDesk, tmp_path: Path, mode: str, told: int
) -> None:
    policies = refunds_are(mode, tmp_path)
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1005")), policies=policies)
    handle = await with_people(desk)
    by_hand(desk, 14550)
    await desk.operate(handle, "record_resolution", resolution={"summary": "done in the shop"})
    view = await desk.until(handle, Status.RESOLVED)
    assert view.mode is Mode(mode)
    assert view.actions[-1].state == "verified"
    assert desk.effect_state("refund:#W1005:all") == "done"
    assert len(desk.refunds("#W1005")) == 1
    assert len(desk.sent(handle)) == told
    await handle.result()
    [compared] = desk.events(handle, "compared")
    assert compared.data | expected(14550, 14550, agreed=True) == compared.data
    assert compared.data["outcome"] == "done_by_person"
    assert compared.data["mode"] == mode


def expected(proposed: int, done: int, *, agreed: bool) -> dict[str, Any]:
    return {
        "intent": "refund_request",
        "action": "refund_payment",
        "proposed_minor": proposed,
        "done_minor": done,
        "agreed": agreed,
    }


async def test_another_amount_than_advised_is_no_agreement(
    open_desk: OpenDesk, tmp_path: Path
) -> None:
    policies = refunds_are("advisory", tmp_path)
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1005")), policies=policies)
    handle = await with_people(desk)
    by_hand(desk, 9000)
    did = {"kind": "refund_payment", "params": {"order_id": "#W1005", "amount_minor": 9000}}
    resolution = {"summary": "part of it", "effects": [did]}
    await desk.operate(handle, "record_resolution", resolution=resolution)
    await desk.until(handle, Status.RESOLVED)
    await handle.result()
    [compared] = desk.events(handle, "compared")
    assert compared.data | expected(14550, 9000, agreed=False) == compared.data


async def test_advice_that_was_not_followed_is_no_agreement(
    open_desk: OpenDesk, tmp_path: Path
) -> None:
    policies = refunds_are("advisory", tmp_path)
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1005")), policies=policies)
    handle = await with_people(desk)
    await desk.operate(handle, "record_resolution", resolution={"summary": "not eligible"})
    await desk.until(handle, Status.RESOLVED)
    await handle.result()
    [compared] = desk.events(handle, "compared")
    assert compared.data | expected(14550, 0, agreed=False) == compared.data


async def test_each_decision_is_compared_with_what_was_proposed(open_desk: OpenDesk) -> None:
    resolver = ScriptedResolver(refund("#W1005"), refund("#W1005", amount_minor=12000))
    desk = await open_desk(resolver=resolver)
    handle = await desk.open("Please refund order #W1005.", email=SAMUEL)
    await desk.asked(handle)
    await desk.operate(handle, "claim", "alice")
    await desk.noted(handle, "replied")
    await desk.decide(handle, "alice", approve=False, reason="wrong_amount")
    await desk.asked(handle, request=2)
    edit = {"actions": [{"action_id": "p2-a1", "amount_minor": 10000}]}
    await desk.decide(handle, "alice", approve=True, edit=edit)
    await desk.resolved(handle)
    first, second = desk.events(handle, "compared")
    assert first.data | expected(14550, 0, agreed=False) == first.data
    assert second.data | expected(12000, 10000, agreed=False) == second.data
    assert (first.data["edited"], second.data["edited"]) == (False, True)
    assert first.data["human_seconds"] is not None
    assert second.data["human_seconds"] is None


# -------------------------------------------------------------------------------- the switch


async def test_while_stopped_a_person_decides_what_was_done_alone(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1001")))
    stops = SqlStops(desk.services.engine)
    stops.stop("default", "bob", "odd refunds", await desk.now())
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    await desk.asked(handle)
    view = await desk.view(handle)
    assert any("stopped by bob: odd refunds" in why for why in view.mode_reasons)
    assert desk.refunds("#W1001") == ()
    await desk.decide(handle, "alice", approve=True)
    await desk.resolved(handle)
    assert len(desk.refunds("#W1001")) == 1


async def test_stopped_between_two_writes_the_second_one_waits(open_desk: OpenDesk) -> None:
    held = Held("payments.refund")
    desk = await open_desk(resolver=two_mugs(), held=held)
    handle = await desk.open("Refund both mugs on #W1020.", email="yuki.tanabe@example.com")
    await held.reached()
    SqlStops(desk.services.engine).stop("default", "bob", "odd refunds", await desk.now())
    held.let_go()
    pending = await desk.asked(handle)
    assert pending.action_ids == ("p1-a2",)
    assert len(desk.refunds("#W1020")) == 1
    await desk.decide(handle, "alice", approve=True)
    view = await desk.resolved(handle)
    assert len(desk.refunds("#W1020")) == 2
    assert texts(view) == ["$24.90 and $24.90 were refunded."]
