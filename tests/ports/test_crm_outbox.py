"""What every CRM and every outbox does, and what the embedded ones do besides."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from closeloop.embedded.backends import EmbeddedBackends
from closeloop.errors import BackendRefused, EffectUnknown
from closeloop.models.handover import HandOverPack
from closeloop.models.records import NoteRecord, SentMessage
from closeloop.models.routing import OpenCases
from closeloop.ports import Crm, Outbox
from tests.ports.small_shop import open_backends

LATE = "T1", "ada@example.com", "Your order"


def by_person(crm: Crm) -> list[OpenCases]:
    return sorted(crm.open_cases("default"), key=lambda one: one.person or "")


class CrmContract:
    """A suite for any CRM port; a subclass brings the fixture ``crm``."""

    @pytest.mark.parametrize("customer_id", ["ada_stone", None])
    def test_a_note_is_found_by_key(self, crm: Crm, customer_id: str | None) -> None:
        assert crm.find_note("default", "k1") is None
        note = crm.add_note("default", "k1", customer_id, "Asked twice about #W1")
        assert (note.key, note.text) == ("k1", "Asked twice about #W1")
        assert crm.find_note("default", "k1") == note

    def test_a_case_is_found_by_key(self, crm: Crm) -> None:
        assert crm.find_escalation("default", "k1") is None
        case = crm.create_escalation("default", "k1", "support", "wants a person", "# Hand-over")
        assert (case.key, case.queue, case.status) == ("k1", "support", "open")
        assert crm.find_escalation("default", "k1") == case

    def test_a_case_given_to_a_person_is_their_load_until_it_is_done(self, crm: Crm) -> None:
        pack = HandOverPack(reason="why", summary="odd", subject="Mug")
        for key, person in (("k1", "ann"), ("k2", "ann"), ("k3", None)):
            case = crm.create_escalation("default", key, "support", "why", "pack", person, pack)
            assert (case.person, case.status) == (person, "open")
        ann = OpenCases(queue="support", person="ann", count=2)
        nobody = OpenCases(queue="support", person=None, count=1)
        assert by_person(crm) == [nobody, ann]
        assert crm.open_cases("acme") == ()
        done = crm.close_escalation("default", "k1")
        assert (done.status, done.person) == ("done", "ann")
        assert crm.close_escalation("default", "k1") == done == crm.find_escalation("default", "k1")
        assert by_person(crm) == [nobody, ann.model_copy(update={"count": 1})]

    def test_a_case_that_is_not_there_cannot_be_closed(self, crm: Crm) -> None:
        crm.create_escalation("default", "k1", "support", "why", "pack")
        with pytest.raises(BackendRefused, match="k1") as refusal:
            crm.close_escalation("acme", "k1")
        assert refusal.value.code == "no_case"
        found = crm.find_escalation("default", "k1")
        assert found is not None
        assert found.status == "open"

    def test_an_alert_is_found_by_key(self, crm: Crm) -> None:
        assert crm.find_alert("default", "k1") is None
        alert = crm.raise_alert("default", "k1", "support", "T1: first response at risk")
        assert (alert.key, alert.queue, alert.text) == (
            "k1",
            "support",
            "T1: first response at risk",
        )
        assert crm.find_alert("default", "k1") == alert
        assert crm.find_alert("acme", "k1") is None
        assert crm.find_escalation("default", "k1") is None

    def test_the_same_call_again_has_the_same_result(self, crm: Crm) -> None:
        note = crm.add_note("default", "k1", None, "a note")
        assert crm.add_note("default", "k1", None, "a note") == note
        case = crm.create_escalation("default", "k2", "support", "why", "pack")
        assert crm.create_escalation("default", "k2", "support", "why", "pack") == case
        alert = crm.raise_alert("default", "k3", "support", "late")
        assert crm.raise_alert("default", "k3", "support", "late") == alert

    def test_a_key_used_with_other_arguments_is_refused(self, crm: Crm) -> None:
        note = crm.add_note("default", "k1", None, "a note")
        with pytest.raises(BackendRefused, match="k1") as refusal:
            crm.add_note("default", "k1", None, "another")
        assert refusal.value.code == "idempotency_mismatch"
        with pytest.raises(BackendRefused, match="k1") as refusal:
            crm.create_escalation("default", "k1", "support", "why", "pack")
        assert refusal.value.code == "idempotency_mismatch"
        assert crm.find_note("default", "k1") == note
        assert crm.find_escalation("default", "k1") is None

    def test_empty_texts_are_refused(self, crm: Crm) -> None:
        with pytest.raises(BackendRefused, match="text") as refusal:
            crm.add_note("default", "k1", None, " \n")
        assert refusal.value.code == "empty_text"
        for queue, reason, pack in (("", "why", "pack"), ("q", " ", "pack"), ("q", "why", "")):
            with pytest.raises(BackendRefused, match="needs") as refusal:
                crm.create_escalation("default", "k1", queue, reason, pack)
            assert refusal.value.code == "empty_text"
        for queue, text in (("", "late"), ("support", " ")):
            with pytest.raises(BackendRefused, match="needs") as refusal:
                crm.raise_alert("default", "k1", queue, text)
            assert refusal.value.code == "empty_text"
        assert crm.find_note("default", "k1") is None
        assert crm.find_escalation("default", "k1") is None

    def test_many_threads_write_one_note(self, crm: Crm) -> None:
        def call(_: int) -> NoteRecord:
            return crm.add_note("default", "k1", None, "a note")

        with ThreadPoolExecutor(8) as pool:
            notes = set(pool.map(call, range(16)))
        assert len(notes) == 1

    def test_tenants_never_meet(self, crm: Crm) -> None:
        crm.add_note("default", "k1", None, "a note")
        crm.create_escalation("default", "k2", "support", "why", "pack")
        assert crm.find_note("other", "k1") is None
        assert crm.find_escalation("other", "k2") is None
        assert crm.add_note("other", "k1", None, "their own").text == "their own"


class OutboxContract:
    """A suite for any outbox; a subclass brings the fixture ``outbox``."""

    def test_a_message_is_found_by_key(self, outbox: Outbox) -> None:
        assert outbox.find("default", "k1") is None
        sent = outbox.send("default", "k1", *LATE, "It is on its way — müde? 🙂")
        assert (sent.key, sent.ticket_id, sent.to) == ("k1", "T1", "ada@example.com")
        assert sent.text == "It is on its way — müde? 🙂"
        assert outbox.find("default", "k1") == sent

    def test_the_same_call_again_is_the_same_message(self, outbox: Outbox) -> None:
        sent = outbox.send("default", "k1", *LATE, "Hello")
        assert outbox.send("default", "k1", *LATE, "Hello") == sent

    def test_a_key_used_with_other_arguments_is_refused(self, outbox: Outbox) -> None:
        outbox.send("default", "k1", *LATE, "Hello")
        with pytest.raises(BackendRefused, match="k1") as refusal:
            outbox.send("default", "k1", *LATE, "Good bye")
        assert refusal.value.code == "idempotency_mismatch"

    @pytest.mark.parametrize(
        ("to", "text", "code"),
        [("ada@example.com", " ", "empty_text"), ("", "Hello", "no_recipient")],
    )
    def test_nothing_to_send_and_nobody_to_send_to(
        self, outbox: Outbox, to: str, text: str, code: str
    ) -> None:
        with pytest.raises(BackendRefused, match="needs") as refusal:
            outbox.send("default", "k1", "T1", to, "Your order", text)
        assert refusal.value.code == code
        assert outbox.find("default", "k1") is None

    def test_many_threads_send_one_message(self, outbox: Outbox) -> None:
        def call(_: int) -> SentMessage:
            return outbox.send("default", "k1", *LATE, "Hello")

        with ThreadPoolExecutor(8) as pool:
            sent = set(pool.map(call, range(16)))
        assert len(sent) == 1

    def test_tenants_never_meet(self, outbox: Outbox) -> None:
        outbox.send("default", "k1", *LATE, "Hello")
        assert outbox.find("other", "k1") is None
        assert outbox.send("other", "k1", *LATE, "Their own").text == "Their own"


@pytest.fixture
def backends(tmp_path: Path) -> Iterator[EmbeddedBackends]:
    with open_backends(tmp_path) as opened:
        yield opened


class TestEmbeddedCrm(CrmContract):
    @pytest.fixture
    def crm(self, backends: EmbeddedBackends) -> Crm:
        return backends.crm


class TestEmbeddedOutbox(OutboxContract):
    @pytest.fixture
    def outbox(self, backends: EmbeddedBackends) -> Outbox:
        return backends.outbox


def test_messages_are_listed_oldest_first(backends: EmbeddedBackends) -> None:
    first = backends.outbox.send("default", "k1", "T1", "a@example.com", "s", "one")
    second = backends.outbox.send("default", "k2", "T2", "b@example.com", "s", "two")
    third = backends.outbox.send("default", "k3", "T1", "a@example.com", "s", "three")
    assert backends.outbox.messages("default") == (first, second, third)
    assert backends.outbox.messages("default", "T1") == (first, third)
    assert backends.outbox.messages("other") == ()


def test_a_timeout_after_sending_is_found_by_reading(backends: EmbeddedBackends) -> None:
    backends.faults.add("outbox.send=timeout_after:x1")
    with pytest.raises(EffectUnknown):
        backends.outbox.send("default", "k1", *LATE, "Hello")
    sent = backends.outbox.find("default", "k1")
    assert sent is not None
    assert backends.outbox.send("default", "k1", *LATE, "Hello") == sent
    assert backends.outbox.messages("default") == (sent,)


def test_the_export_has_notes_cases_and_messages(backends: EmbeddedBackends) -> None:
    backends.crm.add_note("default", "k1", "ada_stone", "a note")
    backends.crm.create_escalation("default", "k2", "support", "why", "pack")
    backends.outbox.send("default", "k3", *LATE, "Hello")
    export = backends.export()
    (note,), (case,), (message,) = (export[name] for name in ("notes", "escalations", "messages"))
    assert (note["customer_id"], note["text"]) == ("ada_stone", "a note")
    assert (case["queue"], case["reason"], case["pack"]) == ("support", "why", "pack")
    assert (message["to"], message["subject"], message["text"]) == (
        "ada@example.com",
        "Your order",
        "Hello",
    )
    other = backends.export("other")
    assert [other[name] for name in ("notes", "escalations", "messages")] == [[], [], []]
