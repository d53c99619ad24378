"""``starter.py knowledge`` against a real worker: sync, search, gaps, withdraw, and bad input."""

import os
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine

TENANT = ("--tenant", "acme")
"""Not the default tenant: a sync of folders takes the articles of ours away."""
LAMP = "id,title,description,Wattage\nLK-900,Heron lamp,A reading lamp with a brass arm.,7 W\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    manuals = tmp_path / "manuals"
    manuals.mkdir()
    (manuals / "heron-care.html").write_text(
        "<title>Caring for the Heron lamp</title><h2>Polishing</h2><p>Use a dry cloth only.</p>"
    )
    (manuals / "products.csv").write_text(LAMP)
    return manuals


def found(cli: CommandLine, query: str, *more: str) -> list[str]:
    passages = cli.json("knowledge", "search", query, *more, *TENANT)
    return [passage["article_id"] for passage in passages]


def test_a_folder_is_synced_searched_and_withdrawn(cli: CommandLine, folder: Path) -> None:
    sync = ("knowledge", "sync", "--folder", str(folder), *TENANT)
    assert found(cli, "how long do I have for a refund", "--kind", "policy") != []
    done = cli.json(*sync)
    [report, ours] = done["sources"]
    assert done["tenant"] == "acme"
    assert (ours["source"], ours["documents"]) == ("knowledge_base", 0)
    assert ours["removed"] > 10
    assert found(cli, "how long do I have for a refund", "--kind", "policy") == []
    assert report == {
        "source": str(folder),
        "documents": 2,
        "written": 2,
        "removed": 0,
        "passages": 2,
    }
    assert found(cli, "polish the heron lamp with a cloth")[0] == "heron-care"
    assert found(cli, "heron lamp wattage", "--kind", "product")[0] == "LK-900"
    assert "heron-care" not in found(cli, "polish the heron lamp", "--kind", "policy")
    page = cli.page("knowledge", "search", "polish the heron lamp", *TENANT)
    assert "Use a dry cloth only." in page

    (folder / "products.csv").unlink()
    assert "in step" in cli.page(*sync)
    assert "LK-900" not in found(cli, "heron lamp wattage")

    assert cli.json("knowledge", "withdraw", "heron-care", *TENANT)["withdrawn"] is True
    assert "heron-care" not in found(cli, "polish the heron lamp with a cloth")
    error = cli.refused(2, "knowledge", "withdraw", "heron-care", *TENANT)
    assert error["field"] == "document_id"

    [back] = cli.json("knowledge", "sync", *TENANT)["sources"]
    assert (back["source"], back["written"]) == ("knowledge_base", ours["removed"])
    assert found(cli, "how long do I have for a refund", "--kind", "policy") != []


def test_the_articles_of_the_shop_are_in_step_already(cli: CommandLine) -> None:
    [report] = cli.json("knowledge", "sync")["sources"]
    assert (report["source"], report["written"]) == ("knowledge_base", 0)


def test_bad_input_is_named(cli: CommandLine, folder: Path) -> None:
    (folder / "products.csv").write_text("id,title\n")
    error = cli.refused(2, "knowledge", "sync", "--folder", str(folder), *TENANT)
    assert error["field"] == "folder"
    assert "products.csv: description: " in error["message"]
    assert "nowhere" in cli.refused(2, "knowledge", "sync", "--folder", "nowhere")["message"]
    no_text = os.fsdecode(b"b\xff")
    assert cli.refused(2, "knowledge", "sync", "--folder", no_text)["field"] == "folder"
    assert cli.refused(2, "knowledge", "search", "x", "--kind", "rumour")["field"] == "kind"
    assert cli.refused(2, "knowledge", "gaps", "--since", "once")["field"] == "since"
    assert found(cli, "polish the heron lamp")[:1] != ["heron-care"]


def test_an_id_in_two_folders_is_refused(cli: CommandLine, folder: Path, tmp_path: Path) -> None:
    more = tmp_path / "more"
    more.mkdir()
    (more / "products.csv").write_text(LAMP)
    both = ("--folder", str(folder), "--folder", str(more))
    error = cli.refused(3, "knowledge", "sync", *both, *TENANT)
    assert error["code"] == "id_taken"


def test_gaps_are_listed_by_intent(cli: CommandLine) -> None:
    body = "How tall is the folding bookcase, in centimetres?"
    cli.opened("gap-1", "nora.whitfield@example.com", body)
    gaps = {gap["intent"]: gap for gap in cli.json("knowledge", "gaps")}
    intent = cli.json("show", "gap-1")["classification"]["intent"]
    assert "gap-1" in gaps[intent]["tickets"]
    assert gaps[intent]["count"] >= 1
    assert intent in cli.page("knowledge", "gaps", "--since", "1h")
