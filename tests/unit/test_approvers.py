"""Who may decide, and the roster file."""

from __future__ import annotations

import copy
import shutil
import tomllib
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from closeloop.errors import ConfigurationError
from closeloop.models.approval import Approver
from closeloop.models.base import Money
from closeloop.policy.approvers import parse_approvers
from closeloop.policy.book import FilePolicyBook
from closeloop.policy.ladder import with_authority
from closeloop.policy.roster import may_decide
from tests.unit.policy_support import POLICIES, usd

DAY = date(2026, 12, 28)
SHIPPED = tomllib.loads((POLICIES / "approvers.toml").read_text(encoding="utf-8"))
ALICE = Approver(
    approver_id="alice",
    email="alice@desk.example.com",
    roles=("agent",),
    tenants=("default",),
    limit_minor=20_000,
)


def code(person: Approver | None = ALICE, **changes: Any) -> str | None:
    plain: dict[str, Any] = {
        "approver_id": "alice",
        "tenant": "default",
        "requesters": ("nora", "nora@example.com"),
        "total": usd(14_550),
    }
    refusal = may_decide(person, **{**plain, **changes})
    return refusal.code if refusal else None


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, None),
        ({"total": None}, None),
        ({"total": usd(20_000)}, None),
        ({"total": usd(20_001)}, "above_limit"),
        ({"total": Money(amount_minor=100, currency="EUR")}, "above_limit"),
        ({"tenant": "acme"}, "wrong_tenant"),
        ({"requesters": ("ALICE",)}, "own_request"),
        ({"requesters": (" Alice@Desk.Example.com ",)}, "own_request"),
        ({"requesters": ("malice", "alice2")}, None),
        ({"approver_id": "mallory"}, "unknown_approver"),
        ({"approver_id": "alice", "person": None}, "unknown_approver"),
    ],
)
def test_may_decide(changes: dict[str, Any], expected: str | None) -> None:
    assert code(**changes) == expected


def test_everybodys_approver() -> None:
    carol = ALICE.model_copy(update={"approver_id": "carol", "tenants": ("*",)})
    assert code(carol, approver_id="carol", tenant="acme") is None


def test_words_name_the_person_the_sum_and_the_limit() -> None:
    refusal = may_decide(
        ALICE, approver_id="alice", tenant="default", requesters=(), total=usd(90_000)
    )
    assert refusal is not None
    assert refusal.message == "$900.00 is above the $200.00 that alice may let go"


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(
    limit=st.integers(0, 10**9),
    total=st.integers(0, 10**9),
    own=st.booleans(),
    tenants=st.sets(st.sampled_from(["default", "acme", "*"]), min_size=1),
)
def test_nobody_decides_above_the_limit_elsewhere_or_for_themselves(
    limit: int, total: int, own: bool, tenants: set[str]
) -> None:
    person = ALICE.model_copy(update={"limit_minor": limit, "tenants": tuple(tenants)})
    refused = code(person, total=usd(total), requesters=("alice",) if own else ())
    serves = bool(tenants & {"default", "*"})
    assert (refused is None) == (serves and not own and total <= limit)


# --- the file ------------------------------------------------------------------------------------


def test_shipped_roster() -> None:
    book = FilePolicyBook(POLICIES)
    assert [p.approver_id for p in book.approvers("default")] == ["alice", "bob", "carol", "erin"]
    assert [p.approver_id for p in book.approvers("acme")] == ["carol", "dave", "erin"]
    assert [p.approver_id for p in book.approvers("unheard-of")] == ["carol", "erin"]
    assert book.approver("alice", "default", DAY) == ALICE
    assert book.approver("dave", "default", DAY) is not None  # of whatever tenant
    assert book.approver("mallory", "default", DAY) is None
    limits = [p.limit_minor for p in book.approvers("default")]
    assert limits == [20_000, 100_000, 500_000, 500_000]


def person(document: dict[str, Any], name: str) -> dict[str, Any]:
    return next(p for p in document["approver"] if p["id"] == name)


def away(document: dict[str, Any], name: str, delegate: str, days: str = "2026-12-24") -> None:
    person(document, name)["away"] = [{"days": days, "delegate": delegate}]


def test_a_delegate_decides_with_the_authority_of_the_tenant_in_question() -> None:
    document = copy.deepcopy(SHIPPED)
    away(document, "dave", "carol")
    person(document, "dave")["limit"] = "9000.00"
    people = parse_approvers(document, "approvers.toml")
    day = date(2026, 12, 24)
    for tenant, limit in (("acme", 900_000), ("default", 500_000)):
        roster = [p for p in people if tenant in p.tenants or "*" in p.tenants]
        carol = next(p for p in roster if p.approver_id == "carol")
        assert with_authority(carol, roster, day).limit_minor == limit


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.update(people=[]), "people: there is no such key"),
        (lambda d: d.update(approver=[]), r"approver: add at least one \[\[approver\]\]"),
        (lambda d: d.update(approver="alice"), r"approver: add at least one"),
        (lambda d: d["approver"].append("frank"), "approver number 6: "),
        (lambda d: person(d, "bob").pop("id"), "approver number 2: id: is missing"),
        (lambda d: person(d, "bob").update(id="bob hartmann"), "approver 'bob hartmann': id: "),
        (lambda d: person(d, "bob").update(email="bob"), "approver 'bob': email: "),
        (
            lambda d: person(d, "bob").update(limit=1000),
            "approver 'bob': limit: 1000 is not an amount",
        ),
        (lambda d: person(d, "bob").pop("limit"), "approver 'bob': limit: is missing"),
        (lambda d: person(d, "bob").update(tenants=[]), "approver 'bob': tenants: "),
        (lambda d: person(d, "bob").update(tenants=["a tenant"]), "approver 'bob': tenants"),
        (lambda d: person(d, "bob").update(tenants="default"), "approver 'bob': tenants: "),
        (lambda d: person(d, "bob").update(roles=[]), "approver 'bob': roles: "),
        (lambda d: person(d, "bob").update(roles=["manger"]), "approver 'bob': roles.0: "),
        (
            lambda d: person(d, "bob").update(phone="1"),
            "approver 'bob': phone: there is no such key",
        ),
        (
            lambda d: person(d, "bob").update(id="ALICE"),
            "approver 'ALICE': id: 'ALICE' stands in the file twice",
        ),
        (
            lambda d: person(d, "bob").update(email="Alice@desk.example.com"),
            "approver 'bob': email: 'Alice@desk.example.com' stands in the file twice",
        ),
        (
            lambda d: away(d, "alice", "mallory"),
            "approver 'alice': away.delegate: there is no approver 'mallory'",
        ),
        (
            lambda d: away(d, "alice", "dave"),
            "approver 'alice': away.delegate: 'dave' does not decide for tenant 'default'",
        ),
        (
            lambda d: away(d, "carol", "bob"),
            "approver 'carol': away.delegate: 'bob' does not decide for every tenant",
        ),
        (
            lambda d: away(d, "alice", "alice"),
            r"approver 'alice': away.delegate: goes in a circle \(alice -> alice\)",
        ),
        (
            lambda d: (
                (away(d, "alice", "bob"), away(d, "bob", "carol"), away(d, "carol", "erin"))
                and away(d, "erin", "carol")
            ),
            r"approver 'carol': away.delegate: goes in a circle \(carol -> erin -> carol\)",
        ),
        (
            lambda d: away(d, "alice", "bob", "soon"),
            "approver 'alice': away.0.days: 'soon' is not \"2026-12-24\"",
        ),
        (
            lambda d: person(d, "alice").update(
                away=[
                    {"days": "2026-12-24..2026-12-31", "delegate": "bob"},
                    {"days": "2026-12-31", "delegate": "carol"},
                ]
            ),
            "approver 'alice': away: 2026-12-31 is named twice",
        ),
    ],
)
def test_a_wrong_roster_is_refused_by_name(
    change: Callable[[dict[str, Any]], object], words: str
) -> None:
    document = copy.deepcopy(SHIPPED)
    change(document)
    with pytest.raises(ConfigurationError, match=words) as caught:
        parse_approvers(document, "somewhere/approvers.toml")
    assert str(caught.value).startswith("somewhere/approvers.toml: ")


def test_the_book_names_the_file(tmp_path: Path) -> None:
    for name in ("rules.toml", "desk.toml", "sla.toml"):
        shutil.copy(POLICIES / name, tmp_path / name)
    with pytest.raises(ConfigurationError, match=r"approvers\.toml: no such file"):
        FilePolicyBook(tmp_path)
    (tmp_path / "approvers.toml").write_text("[[approver]]\nid = 'bob'\n")
    with pytest.raises(
        ConfigurationError, match=r"approvers\.toml: approver 'bob': name: is missing"
    ):
        FilePolicyBook(tmp_path)
