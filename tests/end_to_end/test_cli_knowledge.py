"""``starter.py knowledge`` against a real worker: sync, search, gaps, withdraw, and bad input."""

from pathlib import Path

import pytest

from tests.support.command_line import CommandLine

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
    return [passage["article_id"] for passage in cli.json("knowledge", "search", query, *more)]


def test_a_folder_is_synced_searched_and_withdrawn(cli: CommandLine, folder: Path) -> None:
    sync = ("knowledge", "sync", "--folder", str(folder))
    done = cli.json(*sync)
    [report] = done["sources"]
    assert done["tenant"] == "default"
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
    assert "Use a dry cloth only." in cli.page("knowledge", "search", "polish the heron lamp")

    (folder / "products.csv").unlink()
    assert "in step" in cli.page(*sync)
    assert "LK-900" not in found(cli, "heron lamp wattage")

    assert cli.json("knowledge", "withdraw", "heron-care")["withdrawn"] is True
    assert "heron-care" not in found(cli, "polish the heron lamp with a cloth")
    error = cli.refused(2, "knowledge", "withdraw", "heron-care")
    assert error["field"] == "document_id"


def test_the_articles_of_the_shop_are_in_step_already(cli: CommandLine) -> None:
    [report] = cli.json("knowledge", "sync")["sources"]
    assert (report["source"], report["written"]) == ("knowledge_base", 0)


def test_bad_input_is_named(cli: CommandLine, folder: Path) -> None:
    (folder / "products.csv").write_text("id,title\n")
    error = cli.refused(2, "knowledge", "sync", "--folder", str(folder))
    assert error["field"] == "folder"
    assert "products.csv: description: " in error["message"]
    assert "nowhere" in cli.refused(2, "knowledge", "sync", "--folder", "nowhere")["message"]
    assert cli.refused(2, "knowledge", "search", "x", "--kind", "rumour")["field"] == "kind"
    assert cli.refused(2, "knowledge", "gaps", "--since", "once")["field"] == "since"
    assert found(cli, "polish the heron lamp")[:1] != ["heron-care"]


def test_an_id_of_another_source_is_refused(cli: CommandLine, folder: Path) -> None:
    page = "<title>Refunds</title><meta name='closeloop:id' content='refund-policy'><p>Always."
    (folder / "refunds.html").write_text(page)
    error = cli.refused(3, "knowledge", "sync", "--folder", str(folder))
    assert error["code"] == "id_taken"


def test_gaps_are_listed_by_intent(cli: CommandLine) -> None:
    body = "How tall is the folding bookcase, in centimetres?"
    cli.opened("gap-1", "nora.whitfield@example.com", body)
    gaps = {gap["intent"]: gap for gap in cli.json("knowledge", "gaps")}
    intent = cli.json("show", "gap-1")["classification"]["intent"]
    assert "gap-1" in gaps[intent]["tickets"]
    assert gaps[intent]["count"] >= 1
    assert intent in cli.page("knowledge", "gaps", "--since", "1h")
