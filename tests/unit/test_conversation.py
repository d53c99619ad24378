"""What a ticket carries of its conversation, and shows of it: bounded, and nothing unread lost."""

from datetime import UTC, datetime
from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from closeloop.models.approval import UpdateReceipt
from closeloop.models.proposal import Action, Draft, Proposal
from closeloop.models.state import TicketStart, TicketState
from closeloop.models.ticket import Customer, Message, Status, Ticket
from workflows import conversation, ends
from workflows import state as transitions

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MOST = 1_500_000
"""Bytes that a carried state may take; the server refuses 2 MB."""

LONG = {kind: kind * 20_000 for kind in ("a", "é", "😀", "\x01", '"', "\n")}


def opened(body: str = "0") -> TicketState:
    ticket = Ticket(
        ticket_id="t1",
        tenant="default",
        customer=Customer(email="c@example.com"),
        subject="s",
        body=body,
        received_at=NOW,
    )
    return transitions.opened(TicketStart(ticket=ticket), NOW)


def size(state: TicketState) -> int:
    return len(state.model_dump_json().encode())


def wrote(state: TicketState, name: str, text: str) -> TicketState:
    state = transitions.received(state, name, text, NOW)
    receipt = UpdateReceipt(ticket_id="t1", id=name, accepted=True, status=Status.WORKING)
    return transitions.with_receipt(state, transitions.receipt_key("message", name), receipt)


Event = tuple[Literal["long", "short", "read", "answer"], str]

events = st.lists(
    st.one_of(
        st.tuples(st.just("long"), st.sampled_from(sorted(LONG))),
        st.tuples(st.just("short"), st.text(min_size=1, max_size=30)),
        st.tuples(st.sampled_from(["read", "answer"]), st.just("")),
    ),
    max_size=60,
)


@settings(max_examples=8, deadline=None)
@given(events, st.sampled_from(sorted(LONG)))
def test_no_unread_message_is_dropped_and_the_state_stays_small(
    play: list[Event], flood: str
) -> None:
    state = opened()
    unread = ["#0"]
    for number, (what, text) in enumerate([*play, *[("long", flood)] * 60]):
        name = f"m{number}"
        match what:
            case "read":
                state = conversation.handled(state, unread)
                unread = []
            case "answer":
                state = ends.replied(state, f"r{number}", LONG["é"], NOW, status=Status.RESOLVED)
            case "long" | "short":
                state = wrote(state, name, LONG.get(text, text))
                unread.append(name)
        assert [m.message_id for m in conversation.unread(state)] == unread
    assert size(state) < MOST


def test_five_hundred_long_messages_that_nobody_read() -> None:
    state = opened()
    for number in range(500):
        state = wrote(state, f"{number}".rjust(200, "m"), LONG["😀" if number % 2 else "\x01"])
    assert len(conversation.unread(state)) == 501
    assert all(message.text for message in state.messages)
    assert size(state) < MOST
    assert len(state.receipts) == transitions.MAX_RECEIPTS


def test_a_state_at_its_worst_still_travels() -> None:
    """Messages, receipts, proposals and the timeline, each at its bound."""
    state = opened(LONG["😀"])
    for number in range(200):
        state = wrote(state, f"{number}".rjust(200, "m"), LONG["😀"])
        if number == 100:
            names = [m.message_id for m in conversation.unread(state)]
            state = conversation.handled(state, names)
    for number in range(40):
        actions = tuple(
            Action(action_id=f"p{number}-a{n}", kind="add_crm_note", params={"text": "x" * 3_500})
            for n in range(10)
        )
        proposal = Proposal(proposal_id=f"p{number}", actions=actions, reply=Draft(text="ok"))
        state = transitions.proposed(state, proposal, NOW)
        state = transitions.note(state, NOW, "😀" * 20, "😀" * 400)
        state = transitions.event(state, NOW, "failed", code="x" * 80)
    for _ in range(300):
        state = transitions.note(state, NOW, "noted", "😀" * 400)
    assert size(state) < MOST


def test_few_unread_messages_stand_whole() -> None:
    state = opened()
    for number in range(10):
        state = wrote(state, f"m{number}", LONG["a"])
    assert [len(m.text) for m in state.messages[1:]] == [20_000] * 10


def test_read_messages_are_shortened_and_the_oldest_dropped_but_the_first() -> None:
    state = opened("the first")
    for number in range(200):
        state = wrote(state, f"m{number}", LONG["a"])
        state = conversation.handled(state, ["#0", f"m{number}"])
    assert len(state.messages) == conversation.MAX_MESSAGES
    assert state.messages[0].text == "the first"
    assert state.messages[-1].message_id == "m199"
    assert all(len(m.text) <= conversation.MAX_READ_CHARS for m in state.messages)


@settings(max_examples=15, deadline=None)
@given(st.integers(min_value=1, max_value=120), st.integers(min_value=0, max_value=120))
def test_the_window_shows_what_we_have_not_answered(before: int, after: int) -> None:
    state = opened("first")
    for number in range(before):
        state = wrote(state, f"b{number}", "x" * 5_000)
    state = conversation.handled(state, [m.message_id for m in state.messages])
    state = ends.replied(state, "r1", "our word", NOW, status=Status.AWAITING_CUSTOMER)
    for number in range(after):
        state = wrote(state, f"a{number}", "y" * 5_000)
    shown = conversation.window(state)
    names = [m.message_id for m in shown]
    assert names[0] == "#0"
    fresh = [f"a{number}" for number in range(after)]
    assert names[-min(after, 60) :] == fresh[-60:] or after == 0
    assert len(shown) <= conversation.MAX_WINDOW_MESSAGES + 1
    assert sum(len(m.text) for m in shown) <= conversation.WINDOW_TOTAL_CHARS
    assert len(set(names)) == len(names)


def test_all_that_is_unread_is_one_turn_the_last() -> None:
    state = opened("first")
    assert conversation.turns(state) == ("first",)
    state = conversation.handled(state, ["#0"])
    state = wrote(wrote(state, "m1", "a person, please"), "m2", "it is urgent")
    assert conversation.turns(state) == ("first", "a person, please\n\nit is urgent")
    read = conversation.handled(state, ["m1", "m2"])
    assert conversation.turns(read) == ("first", "a person, please", "it is urgent")


@settings(max_examples=5, deadline=None)
@given(st.integers(min_value=1, max_value=150))
def test_a_turn_of_many_messages_has_something_of_each(count: int) -> None:
    state = opened("first")
    for number in range(count):
        state = wrote(state, f"m{number}", f"<{number}>" + "x" * 20_000)
    [turn] = conversation.turns(state)
    assert all(f"<{number}>" in turn for number in range(count))
    assert len(turn) <= conversation.WINDOW_TOTAL_CHARS + 2 * count


def test_our_word_stands_before_what_came_while_it_was_on_its_way() -> None:
    state = conversation.handled(opened("first"), ["#0"])
    state = wrote(state, "m1", "one more thing")
    state = ends.replied(state, "r1", "our word", NOW, status=Status.RESOLVED)
    assert [m.text for m in state.messages] == ["first", "our word", "one more thing"]
    assert [m.message_id for m in conversation.unread(state)] == ["m1"]


def test_the_subject_counts_with_the_first_message_as_what_was_asked() -> None:
    assert conversation.asking_texts(opened("body")) == {"#0": "s\nbody"}


def test_receipts_of_different_senders_never_meet() -> None:
    keys = {
        transitions.receipt_key(what, "x") for what in ("message", "decision", "operation", "event")
    }
    assert len(keys) == 4
    assert transitions.receipt_key("message", "x") == "x"


def test_a_message_keeps_its_place_in_line() -> None:
    first = Message(message_id="#0", sender="customer", text="0", at=NOW)
    assert opened().messages == (first,)
