"""What money counts towards: one door is one door, however its address is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from closeloop.models.records import Address, OrderRecord
from closeloop.policy.velocity import scopes_of

HOME = {
    "address1": "12 North Main Street",
    "address2": "Apt 4b",
    "city": "Portland",
    "state": "OR",
    "zip": "97201",
    "country": "USA",
}


def scope(**changes: str) -> str:
    order = OrderRecord.model_validate(
        {
            "order_id": "#W1",
            "customer_id": "nora",
            "status": "delivered",
            "lines": [],
            "address": Address.model_validate(HOME | changes),
        }
    )
    [found] = [one for one in scopes_of(order, ()) if one.startswith("address:")]
    return found


@pytest.mark.parametrize(
    "changes",
    [
        {"address1": "12 N. Main St."},
        {"address2": "#4B"},
        {"address1": "12 North Main Street, Apt 4B", "address2": ""},
        {"address1": "4B/12 n main street", "address2": ""},
        {"zip": "97201-1234"},
        {"country": "United States"},
        {"city": "PORTLAND ", "state": "Oregon"},
    ],
)
def test_one_door_in_other_words(changes: dict[str, str]) -> None:
    assert scope(**changes) == scope()


@pytest.mark.parametrize(
    "changes",
    [
        {"address1": "14 North Main Street"},
        {"address2": "Apt 4c"},
        {"address2": ""},
        {"zip": "97202"},
        {"country": "Canada"},
        {"address1": "The Old Mill", "address2": ""},
    ],
)
def test_another_door(changes: dict[str, str]) -> None:
    assert scope(**changes) != scope()


def test_lines_without_a_number_and_places_without_a_code_count_as_written() -> None:
    mill = {"address1": "The Old Mill", "address2": "", "zip": ""}
    assert scope(**mill) == scope(**mill | {"address1": "the old  mill,"})
    assert scope(**mill) != scope(**mill | {"address1": "The New Mill"})
    assert scope(**mill) != scope(**mill | {"city": "Bend"})


@given(st.text(max_size=40), st.text(max_size=20), st.text(max_size=10))
def test_any_address_has_one_scope_that_holds_no_word_of_it(one: str, two: str, code: str) -> None:
    found = scope(address1=one, address2=two, zip=code)
    assert found == scope(address1=f" {one}, ", address2=f"{two}.", zip=f"{code} ")
    assert len(found) == len("address:") + 24
