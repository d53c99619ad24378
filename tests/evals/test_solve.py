"""The solve eval on customers of our own: it reads, plays, compares, and says what was wrong."""

import json
from pathlib import Path
from typing import Any

import pytest

from evals.retail import data
from evals.retail.__main__ import main
from evals.retail.customer import NO_MORE, ScriptedCustomer, first_person, who_is
from evals.retail.solve import policy_documents
from evals.retail.translate import WRITES
from tests.evals.tiny_solve import ASKED, DONE, OTHER, POLICY, TIED, write_customers
from tests.ports.test_shop_changes import shop_file
from tests.support.command_line import environment, require_dev_server, use_environment
from tests.support.model_stand_in import stand_in


def solve(folder: Path, *more: str) -> tuple[int, dict[str, Any]]:
    out = folder / "out.json"
    code = main(["solve", "--data", str(folder), "--out", str(out), *more])
    return code, json.loads(out.read_text())


@pytest.mark.timeout(180)
def test_customers_are_served_and_wrong_writes_are_counted_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    require_dev_server()
    use_environment(monkeypatch, environment(llm="offline"))
    write_customers(tmp_path, [DONE, ASKED, TIED, OTHER])
    code, summary = solve(tmp_path)
    results = {one["task_id"]: one for one in summary["results"]}
    assert code == 0, results
    assert {name: one["exact"] for name, one in results.items()} == {
        "done": True,
        "asked": True,
        "tied": True,
        "other": False,
    }
    assert {
        name: one["status"] for name, one in results.items() if name != "tied"
    } == dict.fromkeys(("done", "asked", "other"), "resolved")
    assert results["tied"]["escalation"] == "conditional_wish"
    assert (summary["asked"], summary["questions"], results["asked"]["asked"]) == (1, 1, 1)
    assert (summary["with_wrong_writes"], summary["wrong_writes"]) == (1, 1)
    assert '"#W3"' in results["other"]["wrong"][0]
    assert (summary["right_writes"], summary["missing_writes"]) == (2, 1)
    assert (summary["score"], summary["do_nothing"]) == (75.0, 25.0)
    assert summary["pass_power"] == {"1": 75.0}
    assert "3 of 4 exact, 75.0 % (doing nothing: 25.0 %)" in capsys.readouterr().out


@pytest.mark.timeout(240)
def test_a_language_model_is_asked_in_every_trial_and_costs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_dev_server()
    write_customers(tmp_path, [DONE, OTHER])
    with stand_in() as endpoint:
        use_environment(monkeypatch, environment(llm="openai"))
        monkeypatch.setenv("OPENAI_BASE_URL", f"{endpoint.url}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
        code, summary = solve(tmp_path, "--trials", "2")
    assert code == 0, summary["results"]
    assert summary["models"] == ["gpt-4.1-mini", "gpt-4.1-mini", "gpt-4.1"]
    assert (summary["tasks"], summary["trials"], summary["played"]) == (2, 2, 4)
    assert summary["pass_power"] == {"1": 50.0, "2": 50.0}
    assert [one["trial"] for one in summary["results"]] == [1, 1, 2, 2]
    assert all(one["tokens"] and one["usd_micros"] for one in summary["results"])
    assert summary["usd"] > 0
    assert summary["stood_in"] == 0


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("You want your money back.", "I want my money back."),
        ("you're sure it was sent to you", "I'm sure it was sent to me"),
        ("If the agent asks you, you are Ada.", "If the agent asks me, I am Ada."),
        ("You'd rather keep yours yourself.", "I'd rather keep mine myself."),
        ("Young yours truly", "Young mine truly"),
    ],
)
def test_a_scenario_is_told_in_the_first_person(told: str, said: str) -> None:
    assert first_person(told) == said


@pytest.mark.parametrize(
    ("text", "who"),
    [
        ("You are Ada Stone in zip code 02809.", "ada_stone"),
        ("You are ada_stone.", "ada_stone"),
        ("Your e-mail is ada@example.com.", "ada_stone"),
        ("You are Ada Stone in zip code 02810.", None),
        ("You are xada_stone or xada@example.com.", None),
    ],
)
def test_a_customer_is_known_by_what_the_scenario_says(text: str, who: str | None) -> None:
    assert who_is(text, shop_file()["users"]) == who


def test_two_customers_who_could_be_meant_are_nobody() -> None:
    users = shop_file()["users"]
    twin = {**users["ada_stone"], "email": "other@example.com"}
    assert who_is("You are Ada Stone in zip code 02809.", {**users, "ada_stone_2": twin}) is None


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Which number has the order?", "The order number is #W1."),
        ("What is your e-mail address?", "I do not remember my email address."),
        ("Shall we cancel this?", "Yes, please. I want to cancel an order."),
        ("Would you like to keep the mug?", f"No. {NO_MORE}"),
        ("Would you like to proceed?", f"Yes, please. {NO_MORE}"),
        ("Hello Ada, quo vadis?", NO_MORE),
        (
            "Which order do you mean? Please give us a zip code.",
            "I am Ada Stone in zip code 02809.",
        ),
    ],
)
def test_the_customer_says_what_the_scenario_has_and_no_more(
    tmp_path: Path, question: str, answer: str
) -> None:
    place = data.folder(write_customers(tmp_path, [ASKED]))
    (task,) = data.read_tasks(place, WRITES)
    assert ScriptedCustomer(task, shop_file()).answer(question) == answer


def test_the_policy_of_the_set_is_a_policy(tmp_path: Path) -> None:
    (document,) = policy_documents(data.folder(write_customers(tmp_path, [DONE])))
    assert (document.kind, document.document_id) == ("policy", "policy")
    assert document.chunks[0].title.startswith("Shop policy")
    assert document.chunks[0].text in POLICY


def test_a_task_without_a_scenario_is_bad_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = write_customers(tmp_path, [("done", "")])
    assert main(["solve", "--data", str(place)]) == 2
    assert "task done: user_scenario.instructions.reason_for_call" in capsys.readouterr().err


def test_no_trial_is_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = write_customers(tmp_path, [DONE])
    assert main(["solve", "--data", str(place), "--trials", "0"]) == 2
    assert "--trials" in capsys.readouterr().err
