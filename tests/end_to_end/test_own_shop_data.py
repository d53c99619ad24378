"""``CLOSELOOP_SHOP_FILE``: tickets about the orders of a user's own file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.ports.small_shop import small_shop, write_shop
from tests.support.command_line import (
    CommandLine,
    DevWorker,
    require_dev_server,
    use_environment,
)

WHO = "ada.stone@example.com"


def bare(shop: dict[str, Any], order_id: str) -> dict[str, Any]:
    """Return the order without what most exports do not have."""
    order = shop["orders"]["#W1"]
    optional = ("placed_at", "delivered_at", "currency", "shipping", "fees")
    kept = {name: value for name, value in order.items() if name not in optional}
    payment = {"transaction_type": "payment", "amount": 24.9, "payment_method_id": "credit_card_1"}
    return kept | {"order_id": order_id, "payment_history": [payment]}


@pytest.fixture
def own_shop(tmp_path: Path) -> Iterator[DevWorker]:
    require_dev_server()
    shop = small_shop()
    shop["orders"]["#W1008"] = bare(shop, "#W1008")
    shop["users"]["ada_stone"]["orders"].append("#W1008")
    file = write_shop(tmp_path, shop)
    with DevWorker(tmp_path / "state", shop_file=file) as worker:
        yield worker


def test_a_rule_asks_a_person_about_what_the_file_does_not_say(
    own_shop: DevWorker,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    use_environment(monkeypatch, own_shop.environment)
    cli = CommandLine(capsys, tmp_path)

    known = cli.opened("known", WHO, "Please refund the mug of order #W1.")
    assert known["status"] == "resolved"
    view = cli.json("show", "known")
    assert (view["mode"], view["customer_id"]) == ("autonomous", "ada_stone")
    assert view["actions"][0]["receipt"]["amount"]["amount_minor"] == 2490

    bare_one = cli.opened("bare", WHO, "Please refund the mug of order #W1008.")
    assert bare_one["status"] == "awaiting_approval"
    view = cli.json("show", "bare")
    (verdict,) = view["verdicts"]
    assert verdict["ruling"] == "needs_approval"
    assert [reason["rule_id"] for reason in verdict["reasons"]] == ["refund.window"]
    assert "the day of delivery is not known" in verdict["reasons"][0]["text"]
    request = view["pending_approval"]["request_id"]
    cli.json("decide", "bare", "--request", request, "--as", "alice", "--approve")
    view = cli.until("bare", "resolved")
    assert view["actions"][0]["state"] == "verified"
    assert view["actions"][0]["receipt"]["amount"]["amount_minor"] == 2490
