"""What a hostile resolver proposes, and what else may happen beside it, as strategies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from hypothesis import strategies as st

from closeloop.actions.catalogue import CATALOGUE
from closeloop.models.proposal import Action, Draft, Proposal
from tests.activities.hostile_shop import (
    CUSTOMERS,
    HELD,
    ITEMS,
    METHODS,
    ORDERS,
    OWN_METHODS,
    OWNERS,
    PARTS,
)

TICKETS: Final = ("ada-1", "ada-2", "ada-unsure", "bob-1", "bob-2", "stranger")


@dataclass(frozen=True)
class Propose:
    """The resolver proposes something on a ticket; it is judged, and asked for where need be.

    ``at_once``: whoever may approve it does, and it runs, before anything else happens.
    """

    ticket: str
    proposal: Proposal
    at_once: bool


@dataclass(frozen=True)
class Decide:
    """An approver, any of the roster, looks at one of the open requests."""

    which: int
    approver: str
    lower_to: int | None


@dataclass(frozen=True)
class Act:
    """The worker comes to one of the plans that may run; ``again`` delivers an old step anew."""

    which: int
    again: bool


@dataclass(frozen=True)
class Break:
    """A backend will fail."""

    entry: str


@dataclass(frozen=True)
class Outside:
    """Somebody else moves money: a refund in the back office, a credit, a dispute and its end."""

    what: str
    order: str
    minor: int


@dataclass(frozen=True)
class End:
    """A ticket ends, whatever it has reserved."""

    ticket: str


Move = Propose | Decide | Act | Break | Outside | End

_orders = st.one_of(
    st.sampled_from(ORDERS),
    st.sampled_from([order.removeprefix("#") for order in ORDERS]),
    st.sampled_from(["#W404", "", "#", "#w1", " #W1", "#W1\u200b", "1 OR 1=1"]),
)
_parts = st.lists(
    st.one_of(
        st.builds("item:{}:{}".format, st.sampled_from(ITEMS), st.integers(0, 4)),
        st.sampled_from(["shipping", "fee:gift_wrap", "fee:", "item:1001:01", "all", ""]),
    ),
    max_size=4,
)
_amounts = st.one_of(
    st.none(),
    st.sampled_from([1, 2_490, 4_000, 5_000, 5_001, 5_690, 48_000, 500_001, 2**53, -1, 0]),
    st.integers(1, 6_000),
    st.sampled_from(["50", 50.5, True]),
)
_addresses = st.fixed_dictionaries(
    {
        "address1": st.sampled_from(["2 New Road", "", "1 Mill Lane"]),
        "city": st.just("Bristol"),
        "zip": st.sampled_from(["02809", ""]),
        "country": st.just("USA"),
    }
)
_junk = st.one_of(st.none(), st.integers(), st.text(max_size=8), st.just([1, 2]), st.just({}))
_reasons = st.sampled_from(["", "goodwill", "the manager has approved it"])

# What a parameter of this name is drawn from; a kind of tomorrow is attacked by its names too.
_BY_NAME: Final[Mapping[str, st.SearchStrategy[Any]]] = {
    "order_id": _orders,
    "components": _parts,
    "amount_minor": _amounts,
    "reason": st.sampled_from(["no longer needed", "ordered by mistake", "because I say so"]),
    "address": _addresses,
    "item_ids": st.lists(st.sampled_from(ITEMS), max_size=3),
    "new_item_ids": st.lists(st.sampled_from(ITEMS), max_size=3),
    "payment_method_id": st.sampled_from(METHODS),
    "customer_id": st.sampled_from(CUSTOMERS),
    "text": st.text(max_size=20),
}


@st.composite
def params(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    """Parameters of a kind: mostly what its names promise, sometimes anything, or too many."""
    if kind not in CATALOGUE or draw(st.integers(0, 15)) == 0:
        return draw(st.dictionaries(st.sampled_from(sorted(_BY_NAME)), _junk, max_size=3))
    fields = CATALOGUE[kind].model_fields
    made: dict[str, Any] = {}
    for name, field in fields.items():
        if field.is_required() or draw(st.integers(0, 2)) > 0:
            made[name] = draw(_BY_NAME.get(name, _junk))
    if made.get("amount_minor", 0) is None:
        del made["amount_minor"]
    if draw(st.integers(0, 15)) == 0:
        made[draw(st.sampled_from(["approved_by", "effect_id", "amount_minor"]))] = draw(_junk)
    return made


@st.composite
def wild_actions(draw: st.DrawFn) -> Action:
    """An action of any kind, with any parameters, under any name."""
    often = ["refund_payment"] * 6 + ["cancel_order"] * 2
    kinds = st.sampled_from([*often, *often, *often, *CATALOGUE])
    kind = draw(kinds) if draw(st.integers(0, 9)) else draw(st.sampled_from(["wire_transfer", ""]))
    return Action(
        action_id=draw(st.sampled_from(["a1", "a2", ""])),
        kind=kind,
        params=draw(params(kind)),
        reason=draw(_reasons),
        requested_by=tuple(draw(st.lists(st.sampled_from(["m1", "m2", "m9"]), max_size=2))),
    )


SLY: Final = (
    *["refund_payment"] * 14,
    *["cancel_order"] * 3,
    *["modify_order_items", "exchange_items", "issue_store_credit", "modify_order_payment"] * 2,
    "modify_order_address",
)


@st.composite
def sly_actions(draw: st.DrawFn, customer: str) -> Action:
    """An action that looks right: of the customer's own orders, in some order of their parts."""
    kind = draw(st.sampled_from(SLY))
    known = HELD if kind in ("modify_order_items", "exchange_items") else (*ORDERS, *PARTS)
    own = [order for order in known if OWNERS[order] == customer] or list(known)
    order = draw(st.sampled_from(own))
    methods = OWN_METHODS.get(customer, METHODS)
    made: dict[str, Any] = {"order_id": order if draw(st.booleans()) else order[1:]}
    match kind:
        case "refund_payment":
            parts = draw(st.permutations(PARTS.get(order, ())))
            made["components"] = parts[: draw(st.sampled_from([1, 1, 2, 3, 0]))]
            if draw(st.booleans()):
                made["amount_minor"] = draw(st.integers(1, 5_200))
        case "cancel_order":
            made["reason"] = draw(st.sampled_from(["no longer needed", "ordered by mistake"]))
        case "issue_store_credit":
            made["amount_minor"] = draw(st.integers(1, 5_200))
        case "modify_order_payment":
            made["payment_method_id"] = draw(st.sampled_from(methods))
        case "modify_order_items" | "exchange_items":
            made["item_ids"] = list(HELD[order][: draw(st.integers(1, 2))])
            new = st.sampled_from(ITEMS)
            made["new_item_ids"] = [draw(new) for _ in made["item_ids"]]
            made["payment_method_id"] = draw(st.sampled_from(methods))
        case _:
            made["address"] = draw(_addresses)
    return Action(
        action_id="a", kind=kind, params=made, reason=draw(_reasons), requested_by=("m1",)
    )


_lengths = st.sampled_from([1, 1, 1, 1, 2, 3, 4])


@st.composite
def proposed(draw: st.DrawFn) -> Propose:
    """A proposal on a ticket: sly, wild, or both in one."""
    ticket = draw(st.sampled_from([*TICKETS, "ada-1", "ada-2", "bob-1", "bob-2"]))
    sly = sly_actions(ticket.partition("-")[0])
    each = draw(st.sampled_from([sly, sly, sly, wild_actions(), st.one_of(sly, wild_actions())]))
    chosen = draw(st.lists(each, min_size=1, max_size=draw(_lengths)))
    if draw(st.integers(0, 9)) == 0:
        chosen = [*chosen, chosen[0]]
    proposal = Proposal(actions=tuple(chosen), reply=Draft(text="Done."))
    return Propose(ticket, proposal, draw(st.booleans()))


FAULTS: Final = tuple(
    f"{method}={kind}:x{times}"
    for method in (
        "payments.refund",
        "payments.find_refund",
        "shop.cancel_order",
        "shop.modify_order_address",
        "shop.modify_order_items",
        "shop.issue_store_credit",
    )
    for kind in ("503", "refuse", "timeout_before", "timeout_after")
    for times in (1, 2, 4)
)

_decisions = st.builds(
    Decide,
    st.integers(0, 9),
    st.sampled_from(["alice", "bob", "carol", "carol", "dave", "nobody"]),
    st.one_of(st.none(), st.none(), st.integers(1, 6_000)),
)

moves: st.SearchStrategy[Move] = st.one_of(
    proposed(),
    proposed(),
    proposed(),
    st.builds(Act, st.integers(0, 9), st.booleans()),
    st.builds(Act, st.integers(0, 9), st.booleans()),
    _decisions,
    _decisions,
    st.builds(Break, st.sampled_from(FAULTS)),
    st.builds(
        Outside,
        st.sampled_from(["refund", "credit", "dispute", "won", "lost"]),
        st.sampled_from(ORDERS),
        st.integers(1, 1_500),
    ),
    st.builds(End, st.sampled_from(TICKETS)),
)
