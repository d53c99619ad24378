"""Ids on the wire and their inverse."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from closeloop.errors import BadInput
from closeloop.names import (
    checked_part,
    idempotency_key,
    linked_ticket_id,
    parse_idempotency_key,
    parse_workflow_id,
    workflow_id,
)

parts = st.text(alphabet=string.ascii_letters + string.digits + "_-", min_size=1, max_size=64)
links = st.one_of(st.just(""), st.integers(2, 9999).map(lambda n: f"~{n}"))


@given(tenant=parts, ticket=parts, link=links)
def test_a_workflow_id_reads_back_as_its_parts(tenant: str, ticket: str, link: str) -> None:
    assert parse_workflow_id(workflow_id(tenant, ticket + link)) == (tenant, ticket + link)


@given(tenant=parts, ticket=parts, other_tenant=parts, other_ticket=parts)
def test_two_tickets_never_share_a_workflow_id(
    tenant: str, ticket: str, other_tenant: str, other_ticket: str
) -> None:
    same = (tenant, ticket) == (other_tenant, other_ticket)
    assert (workflow_id(tenant, ticket) == workflow_id(other_tenant, other_ticket)) is same


@given(st.text())
def test_whatever_is_taken_for_an_id_comes_back_unchanged(text: str) -> None:
    try:
        whole = workflow_id("default", text)
    except BadInput:
        return
    assert parse_workflow_id(whole) == ("default", text)


@given(st.text())
def test_whatever_parses_is_what_would_be_built(text: str) -> None:
    try:
        tenant, ticket = parse_workflow_id(text)
    except BadInput:
        return
    assert workflow_id(tenant, ticket) == text


@given(ticket=parts, steps=st.integers(1, 5))
def test_linked_tickets_are_numbered_from_two(ticket: str, steps: int) -> None:
    current = ticket
    for _ in range(steps):
        current = linked_ticket_id(current)
    assert current == f"{ticket}~{steps + 1}"
    assert parse_workflow_id(workflow_id("default", current)) == ("default", current)


@pytest.mark.parametrize(
    "bad", ["", "a" * 65, "a b", "a:b", "ä", "a\n", "a~2", "a/b", "a'; --", "a%"]
)
def test_what_may_not_be_part_of_an_id(bad: str) -> None:
    with pytest.raises(BadInput) as caught:
        checked_part(bad, "tenant")
    assert caught.value.field == "tenant"
    assert "1 to 64 letters, digits" in str(caught.value)


@pytest.mark.parametrize("bad", ["T~0", "T~01", "T~", "T~12345", "~2", "T~2~3", "T~2\n"])
def test_a_link_is_a_plain_number(bad: str) -> None:
    with pytest.raises(BadInput) as caught:
        workflow_id("default", bad)
    assert caught.value.field == "ticket_id"
    with pytest.raises(BadInput) as caught:
        parse_workflow_id(f"ticket:default:{bad}")
    assert caught.value.field == "workflow_id"


@given(tenant=parts, effect=st.text(), other_tenant=parts, other_effect=st.text())
def test_two_effects_never_share_a_key(
    tenant: str, effect: str, other_tenant: str, other_effect: str
) -> None:
    same = (tenant, effect) == (other_tenant, other_effect)
    assert (idempotency_key(tenant, effect) == idempotency_key(other_tenant, other_effect)) is same


@given(tenant=parts, effect=st.text(min_size=1))
def test_a_key_names_its_effect(tenant: str, effect: str) -> None:
    assert parse_idempotency_key(idempotency_key(tenant, effect)) == (tenant, effect)


@pytest.mark.parametrize("bad", ["", "refund", "default:", ":refund", "a b:refund"])
def test_what_is_no_key_of_an_effect(bad: str) -> None:
    with pytest.raises(BadInput):
        parse_idempotency_key(bad)
