"""What a ticket of the replay corpus is made of: its words, agents, policies, and its play."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from closeloop.models.proposal import Action, CommitmentDraft, Draft, EscalationDraft, Proposal
from closeloop.models.ticket import Assurance
from closeloop.models.triage import Sentiment
from tests.support.desk import Handle
from tests.support.scripted import Step, question
from tests.workflows.play import Play

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


PROMISING: Final = Proposal(
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
WHO: Final = question("Who are you?").model_copy(update={"asks_identity": True})
GIVE_UP: Final = Proposal(escalation=EscalationDraft(reason="no_playbook", summary="odd"))
TAKEN_BACK: Final = tuple(
    action.model_copy(update={"params": {**action.params, "order_id": "#W1018"}})
    for action in (ORDER_CHANGES[1], ORDER_CHANGES[0])
)
