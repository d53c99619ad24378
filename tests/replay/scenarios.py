"""The tickets whose histories are kept: each takes a way through the workflow of its own."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from closeloop.models.proposal import Action, CommitmentDraft, Draft, EscalationDraft, Proposal
from closeloop.models.ticket import Assurance
from closeloop.models.triage import Sentiment
from tests.replay import plays
from tests.support.desk import Handle
from tests.support.scripted import Step, acting, answer, calling, question, refund
from tests.workflows.play import NORA, OMAR, SAMUEL, Play

DANA: Final = "dana.kowalski@example.com"
JUNE: Final = "june.albright@example.com"
TOMAS: Final = "tomas.vega@example.com"
PERSON: Final = {"human": "speak_to_person"}

Script = Callable[[Play, Handle], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One ticket: how it opens, what the agents answer, what the others do, until it has ended."""

    name: str
    email: str
    body: str
    steps: Sequence[Step]
    play: Script
    assurance: Assurance = Assurance.CONFIRMED
    by_word: Mapping[str, str] = field(default_factory=dict[str, str])
    topics_by_word: Mapping[str, str] = field(default_factory=dict[str, str])
    sentiment: Sentiment = "neutral"
    faults: str = ""
    edits: Sequence[tuple[str, str, str]] = ()
    """Of the policies: file, text, and what stands there instead."""
    routing: str = ""
    """What stands in ``routing.toml``; without it nothing routes tickets."""
    models_out: bool = False
    """Agents ask language models, which are out for the first question (``OutThenBack``)."""
    on_dev_server: bool = False
    """Record it on the dev server, which suggests to continue as new early there."""
    follow_up: bool = False
    """Record the linked ticket that the play opens."""


_PROMISING: Final = Proposal(
    reply=Draft(text="We will call you."),
    commitments=(CommitmentDraft(text="we will call", due_in_hours=48),),
)


ORDER_CHANGES: Final = (
    Action(action_id="", kind="cancel_order", params={"order_id": "#W1016"}),
    Action(
        action_id="",
        kind="modify_order_address",
        params={
            "order_id": "#W1017",
            "address": {
                "address1": "5 Oak Street",
                "city": "Portland",
                "state": "OR",
                "country": "USA",
                "zip": "97201",
            },
        },
    ),
    Action(action_id="", kind="add_crm_note", params={"text": "Has moved to Oak Street."}),
)

SHADOWED: Final = (("desk.toml", "[waits]", '[modes]\nrefund_request = "shadow"\n\n[waits]'),)
TWO_PEOPLE: Final = (
    ("desk.toml", 'four_eyes_above = "1000.00"', 'four_eyes_above = "100.00"'),
    ("desk.toml", 'claim = "15m"', 'lead_after = "1h"\nclaim = "15m"'),
)
ALWAYS_OPEN: Final = (("sla.toml", 'calendar = "office"\n', ""),)
SELDOM_OPEN: Final = (
    *(
        ("sla.toml", f'{day} = ["08:00-20:00"]\n', "")
        for day in ("mon", "tue", "wed", "thu", "fri")
    ),
    ("sla.toml", '["09:00-17:00"]', '["09:00-10:00"]'),
    ("desk.toml", 'escalation_reminder = "24h"', 'escalation_reminder = "90d"'),
)
ROUTING: Final = """
default = "support"
[skill.money]
intents = ["refund_request"]
[queue.support]
name = "our support team"
answer_within = "8h"
[queue.billing]
name = "our billing team"
skills = ["money"]
answer_within = "4h"
[person.bob]
name = "Bob"
queues = ["billing"]
"""
_WHO: Final = question("Who are you?").model_copy(update={"asks_identity": True})
_GIVE_UP: Final = Proposal(escalation=EscalationDraft(reason="no_playbook", summary="odd"))
TAKEN_BACK: Final = tuple(
    action.model_copy(update={"params": {**action.params, "order_id": "#W1018"}})
    for action in (ORDER_CHANGES[1], ORDER_CHANGES[0])
)

SCENARIOS: Final = (
    Scenario(
        name="plain-refund",
        email=NORA,
        body="Refund order #W1001, all of it.",
        steps=[refund("#W1001")],
        play=plays.confirmed,
        on_dev_server=True,
    ),
    Scenario(
        name="continued-as-new",
        email=NORA,
        body="I have a long story to tell.",
        steps=[question("What happened then?")],
        play=plays.long,
        on_dev_server=True,
    ),
    Scenario(
        name="approved",
        email=SAMUEL,
        body="Refund order #W1005, all of it.",
        steps=[refund("#W1005")],
        play=plays.approved,
    ),
    Scenario(
        name="rejected-revised-edited",
        email=SAMUEL,
        body="Refund order #W1005, all of it.",
        steps=[refund("#W1005"), refund("#W1005", amount_minor=7275)],
        play=plays.revised,
    ),
    Scenario(
        name="claimed-asked-and-approved-twice",
        email=SAMUEL,
        body="Refund order #W1005, all of it.",
        steps=[refund("#W1005")],
        edits=TWO_PEOPLE,
        play=plays.by_two_people,
    ),
    Scenario(
        name="expired-to-a-person",
        email=SAMUEL,
        body="Refund order #W1005, all of it.",
        steps=[refund("#W1005")],
        play=plays.expired,
    ),
    Scenario(
        name="gateway-503",
        email=NORA,
        body="Refund order #W1001, all of it.",
        steps=[refund("#W1001")],
        faults="payments.refund=503:x3",
        play=plays.quiet,
    ),
    Scenario(
        name="found-by-reading",
        email=NORA,
        body="Refund order #W1001, all of it.",
        steps=[refund("#W1001")],
        faults="payments.refund=timeout_after:x1",
        play=plays.quiet,
    ),
    Scenario(
        name="unknown-to-a-person",
        email=NORA,
        body="Refund order #W1001, all of it.",
        steps=[refund("#W1001")],
        faults="payments.refund=timeout_after:x1, payments.find_refund=503:1.0",
        play=plays.unknown,
    ),
    Scenario(
        name="gateway-refuses",
        email=NORA,
        body="Refund order #W1001, all of it.",
        steps=[refund("#W1001"), answer("We cannot pay this back to your card.")],
        faults="payments.refund=refuse:x1",
        play=plays.confirmed,
    ),
    Scenario(
        name="too-late-for-a-refund",
        email=JUNE,
        body="Refund order #W1009, all of it.",
        steps=[refund("#W1009"), answer("A refund is possible until 30 days after delivery.")],
        play=plays.confirmed,
    ),
    Scenario(
        name="order-changes",
        email=DANA,
        body="Cancel order #W1016. Send order #W1017 to 5 Oak Street, Portland 97201.",
        steps=[acting(*ORDER_CHANGES)],
        play=plays.confirmed,
    ),
    Scenario(
        name="asked-for-a-person",
        email=NORA,
        body="Let me speak to a human.",
        steps=[refund("#W1001")],
        by_word=PERSON,
        play=plays.handed_back,
    ),
    Scenario(
        name="question-and-answer",
        email=NORA,
        body="I want my money back.",
        steps=[question(), refund("#W1001")],
        play=plays.answered,
    ),
    Scenario(
        name="reopened",
        email=NORA,
        body="My mug leaks.",
        steps=[answer("Turn it round."), answer("Turn it round again.")],
        play=plays.reopened,
    ),
    Scenario(
        name="by-signals",
        email=SAMUEL,
        body="Refund order #W1005, all of it.",
        steps=[refund("#W1005")],
        play=plays.by_signals,
    ),
    Scenario(
        name="interrupted-and-taken-over",
        email=SAMUEL,
        body="Refund order #W1005, all of it.",
        steps=[refund("#W1005")],
        play=plays.interrupted,
    ),
    Scenario(
        name="shadowed-and-read-back",
        email=SAMUEL,
        body="Refund order #W1005, all of it.",
        steps=[refund("#W1005")],
        edits=SHADOWED,
        play=plays.shadowed,
    ),
    Scenario(
        name="mode-lowered",
        email=NORA,
        body="I want my money back.",
        steps=[question(), refund("#W1001")],
        play=plays.lowered,
    ),
    Scenario(
        name="late-and-resolved",
        email=NORA,
        body="Let me speak to a human.",
        steps=[answer()],
        by_word=PERSON,
        play=plays.late,
        edits=ALWAYS_OPEN,
    ),
    Scenario(
        name="paused-then-at-risk",
        email=NORA,
        body="I want my money back.",
        steps=[question(), _GIVE_UP, refund("#W1001")],
        play=plays.paused,
        edits=ALWAYS_OPEN,
    ),
    Scenario(
        name="hours-read-on",
        email=NORA,
        body="Let me speak to a human.",
        steps=[refund("#W1001")],
        by_word=PERSON,
        play=plays.outlived,
        edits=SELDOM_OPEN,
    ),
    Scenario(
        name="taken-back",
        email=OMAR,
        body="Send order #W1018 to my new address, 5 Oak Street, Portland 97201, and cancel it.",
        steps=[acting(*TAKEN_BACK), answer("It stays as it is.")],
        faults="shop.cancel_order=refuse:x1",
        play=plays.taken_back,
    ),
    Scenario(
        name="undone-after-the-close",
        email=NORA,
        body="Refund order #W1001, all of it.",
        steps=[refund("#W1001")],
        play=plays.undone,
        follow_up=True,
    ),
    Scenario(
        name="models-out-and-back",
        email=NORA,
        body="Refund order #W1001, all of it.",
        steps=[refund("#W1001")],
        models_out=True,
        play=plays.models_out_and_back,
    ),
    Scenario(
        name="known-by-a-code",
        email=NORA,
        body="Refund order #W1001, all of it.",
        steps=[refund("#W1001")],
        assurance=Assurance.NONE,
        play=plays.by_code,
    ),
    Scenario(
        name="locked-out",
        email=NORA,
        body="Refund order #W1001, all of it.",
        steps=[_WHO],
        assurance=Assurance.NONE,
        play=plays.locked_out,
    ),
    Scenario(
        name="agreed-to-by-name",
        email=NORA,
        body="My mug came in pieces.",
        steps=[refund("#W1001"), refund("#W1001", amount_minor=1000)],
        play=plays.agreed,
    ),
    Scenario(
        name="kept-by-a-person",
        email=NORA,
        body="Let me speak to a human.",
        steps=[answer()],
        by_word=PERSON,
        play=plays.kept,
    ),
    Scenario(
        name="kept-with-its-patches-known-early",
        email=NORA,
        body="Let me speak to a human.",
        steps=[answer()],
        by_word=PERSON,
        play=plays.kept,
    ),
    Scenario(
        name="called",
        email=NORA,
        body="Please call me.",
        steps=[calling()],
        play=plays.called,
    ),
    Scenario(
        name="not-reached-twice",
        email=NORA,
        body="Please call me.",
        steps=[calling()],
        play=plays.not_reached,
    ),
    Scenario(
        name="not-called",
        email=NORA,
        body="Please call me.",
        steps=[calling()],
        play=plays.not_called,
    ),
    Scenario(
        name="promise-kept-then-missed",
        email=NORA,
        body="Where is my order?",
        steps=[_PROMISING],
        by_word=PERSON,
        play=plays.promise_missed,
    ),
    Scenario(
        name="two-promises-missed-in-a-row",
        email=NORA,
        body="Where is my order?",
        steps=[
            _PROMISING.model_copy(
                update={
                    "commitments": (
                        *_PROMISING.commitments,
                        CommitmentDraft(text="we will write", due_in_hours=60),
                    )
                }
            )
        ],
        play=plays.promises_missed,
    ),
    Scenario(
        name="case-created-with-the-reminder",
        email=NORA,
        body="Refund order #W1001, all of it.",
        steps=[_GIVE_UP],
        faults="crm.create_escalation=refuse:x1",
        play=plays.case_later,
        routing=ROUTING,
    ),
    Scenario(
        name="routed-to-a-person-twice",
        email=NORA,
        body="Refund order #W1001, all of it.",
        steps=[_GIVE_UP],
        play=plays.routed_twice,
        routing=ROUTING,
    ),
    Scenario(
        name="bereaved-then-in-distress",
        email=NORA,
        body="My wife has died. Refund order #W1001, all of it.",
        steps=[refund("#W1001"), question()],
        topics_by_word={"died": "bereavement", "go on": "distress"},
        play=plays.bereaved_then_in_distress,
    ),
    Scenario(
        name="in-distress-with-people",
        email=NORA,
        body="Let me speak to a human.",
        steps=[answer()],
        by_word=PERSON,
        topics_by_word={"go on": "distress"},
        play=plays.in_distress_with_people,
    ),
    Scenario(
        name="in-distress-and-unknown",
        email=NORA,
        body="I can not go on. Refund order #W1001.",
        steps=[_WHO],
        assurance=Assurance.NONE,
        topics_by_word={"go on": "distress"},
        play=plays.in_distress,
    ),
    Scenario(
        name="as-angry-after-the-answer",
        email=NORA,
        body="Refund order #W1001, all of it, you crooks.",
        steps=[refund("#W1001"), question("Which part of it is not solved?")],
        sentiment="very_negative",
        play=plays.as_angry,
    ),
    Scenario(
        name="cancelled",
        email=SAMUEL,
        body="Refund order #W1005, all of it.",
        steps=[refund("#W1005")],
        play=plays.cancelled,
    ),
)
"""Names are file names: a history keeps its name for as long as it is kept."""
