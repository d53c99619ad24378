"""Articles become bounded passages with stable ids; faulty folders are named, file and key."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from closeloop.errors import ConfigurationError
from closeloop.knowledge.chunking import MAX_PASSAGE_CHARS, Article, chunk_article
from closeloop.knowledge.ingest import MAX_ARTICLE_BYTES, read_articles, read_chunks

ARTICLES = Path(__file__).parents[2] / "knowledge_base"
TODAY = date(2026, 1, 15)
GOOD = {
    "id": '"opening-hours"',
    "title": '"Opening hours"',
    "kind": '"doc"',
    "version": '"1"',
    "language": '"en"',
}


def article(body: str) -> Article:
    return Article(
        article_id="guide", title="Guide", kind="doc", version="7", language="en", body=body
    )


def write(folder: Path, name: str = "hours.md", *, body: str = "Open.", **fields: str) -> None:
    lines = [f"{key} = {value}" for key, value in {**GOOD, **fields}.items() if value]
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["+++", *lines, "+++", body]), encoding="utf-8")


# ------------------------------------------------------------------------------------- chunking


def test_each_section_is_a_passage_named_by_its_headings() -> None:
    chunks = chunk_article(
        article("# Guide\nIntro.\n## Care & Washing\nWash.\n### At 30°C\nCold.\n## Don't\nNever.\n")
    )
    assert [(c.passage_id, c.title, c.text) for c in chunks] == [
        ("guide", "Guide", "Intro."),
        ("guide#care-washing", "Guide: Care & Washing", "Wash."),
        ("guide#care-washing/at-30-c", "Guide: Care & Washing / At 30°C", "Cold."),
        ("guide#dont", "Guide: Don't", "Never."),
    ]
    assert all(c.version.startswith("7+") for c in chunks)


def test_a_heading_without_text_makes_no_passage() -> None:
    assert [c.passage_id for c in chunk_article(article("## A\n\n## B\ntext\n## C\n"))] == [
        "guide#b"
    ]


def test_hashes_in_fenced_code_and_in_words_are_no_headings() -> None:
    body = (
        "## Code\n```sh\n# a comment\n~~~\n```\n#1001 is an order\n## Next ##\nmore\n## C#\nsharp"
    )
    assert [(c.passage_id, c.title) for c in chunk_article(article(body))] == [
        ("guide#code", "Guide: Code"),
        ("guide#next", "Guide: Next"),
        ("guide#c", "Guide: C#"),
    ]


def test_equal_and_wordless_headings_still_get_ids_of_their_own() -> None:
    body = "## Tip\none\n## Tip\ntwo\n## !!!\nthree\n## Überblick\nfour"
    assert [c.passage_id for c in chunk_article(article(body))] == [
        "guide#tip",
        "guide#tip~2",
        "guide#section",
        "guide#überblick",
    ]


def test_an_edit_moves_the_version_of_its_own_passage_only() -> None:
    before = chunk_article(article("## A\nold words\n## B\nsame"))
    after = chunk_article(article("## New\nfirst\n## A\nnew words\n## B\nsame"))
    was, now = ({c.passage_id: c.version for c in chunks} for chunks in (before, after))
    assert was["guide#b"] == now["guide#b"]
    assert was["guide#a"] != now["guide#a"]


def test_a_long_section_is_cut_where_it_hurts_least() -> None:
    paragraphs = ["One. " * 10, "Two. " * 10, "Three. " * 10]
    body = "## Long\n" + "\n\n".join(p.strip() for p in paragraphs)
    chunks = chunk_article(article(body), max_chars=110)
    assert [c.text for c in chunks] == [
        "\n\n".join(p.strip() for p in paragraphs[:2]),
        paragraphs[2].strip(),
    ]
    assert [c.passage_id for c in chunks] == ["guide#long", "guide#long~2"]


@given(
    body=st.text(alphabet=st.sampled_from("ab .!#\n`~|é"), max_size=400),
    max_chars=st.integers(min_value=1, max_value=80),
)
def test_nothing_is_lost_and_nothing_is_too_long(body: str, max_chars: int) -> None:
    chunks = chunk_article(article(body), max_chars=max_chars)
    assert all(0 < len(c.text) <= max_chars for c in chunks)
    assert len({c.passage_id for c in chunks}) == len(chunks)
    assert chunks == chunk_article(article(body), max_chars=max_chars)
    kept = [letter for c in chunks for letter in c.text + c.title if letter in "abé"]
    assert set(kept) >= {letter for line in body_lines(body) for letter in line if letter in "abé"}


def body_lines(body: str) -> list[str]:
    """Lines that are text for sure: a heading's words may stand above no text at all."""
    return [line for line in body.splitlines() if "#" not in line]


def test_a_bound_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="max_chars"):
        chunk_article(article("text"), max_chars=0)


# ------------------------------------------------------------------------------------ ingestion


def test_the_shop_s_articles_read_and_are_bounded() -> None:
    articles = read_articles(ARTICLES)
    chunks = read_chunks(ARTICLES, today=TODAY)
    assert len({a.article_id for a in articles}) == len(articles) >= 14
    assert {a.kind for a in articles} == {"policy", "doc", "product"}
    assert len({c.passage_id for c in chunks}) == len(chunks)
    assert max(len(c.text) for c in chunks) <= MAX_PASSAGE_CHARS
    assert chunks == read_chunks(ARTICLES, today=TODAY)


def test_every_link_between_the_shop_s_articles_leads_somewhere() -> None:
    names = {path.name for path in ARTICLES.glob("*.md")}
    for found in read_articles(ARTICLES):
        targets = [part.split(")")[0] for part in found.body.split("](")[1:]]
        assert set(targets) <= names, found.article_id


def test_an_article_not_yet_in_force_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, valid_from="2026-02-01")
    assert read_chunks(tmp_path, today=date(2026, 1, 31)) == ()
    assert [c.text for c in read_chunks(tmp_path, today=date(2026, 2, 1))] == ["Open."]
    assert len(read_articles(tmp_path)) == 1


def test_windows_line_ends_a_byte_order_mark_and_sub_folders_are_fine(tmp_path: Path) -> None:
    write(tmp_path, "deep/hours.md", body="# Opening hours\nOpen.\n## Sunday\nClosed.\n")
    path = tmp_path / "deep" / "hours.md"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert [(c.passage_id, c.text) for c in read_chunks(tmp_path, today=TODAY)] == [
        ("opening-hours", "Open."),
        ("opening-hours#sunday", "Closed."),
    ]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"id": ""}, r"hours\.md: id: .*required"),
        ({"id": '"Opening Hours"'}, r"hours\.md: id: .*'Opening Hours'"),
        ({"title": '" "'}, r"hours\.md: title: "),
        ({"kind": '"past_ticket"'}, r"hours\.md: kind: .*'policy', 'doc' or 'product'"),
        ({"version": "3"}, r"hours\.md: version: .*string.*3"),
        ({"language": '"english, mostly"'}, r"hours\.md: language: "),
        ({"valid_from": '"soon"'}, r"hours\.md: valid_from: .*date"),
        ({"author": '"me"'}, r"hours\.md: author: "),
        ({"title": '"unfinished'}, r"hours\.md: front matter is not valid TOML"),
    ],
)
def test_wrong_front_matter_is_named_by_file_and_key(
    tmp_path: Path, fields: dict[str, str], words: str
) -> None:
    write(tmp_path, **fields)
    with pytest.raises(ConfigurationError, match=words):
        read_articles(tmp_path)


@pytest.mark.parametrize("text", ["", "# Just text\n", "+++\nid = 'a'\n", "text\n+++\n+++\n"])
def test_missing_front_matter_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "plain.md").write_text(text)
    with pytest.raises(ConfigurationError, match=r"plain\.md: front matter is missing"):
        read_articles(tmp_path)


def test_two_articles_with_one_id_are_both_named(tmp_path: Path) -> None:
    write(tmp_path, "first.md")
    write(tmp_path, "second.md")
    with pytest.raises(ConfigurationError, match=r"second\.md: id: 'opening-hours'.*first\.md"):
        read_articles(tmp_path)


@pytest.mark.parametrize("body", ["", " \n\n", "# Opening hours\n## Sunday\n"])
def test_an_article_without_text_is_named(tmp_path: Path, body: str) -> None:
    write(tmp_path, body=body)
    with pytest.raises(ConfigurationError, match=r"hours\.md: the article has no text"):
        read_articles(tmp_path)


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    latin, large = tmp_path / "a", tmp_path / "b"
    write(latin)
    (latin / "hours.md").write_bytes(b"+++\n\xe9\n+++\n")
    with pytest.raises(ConfigurationError, match=r"hours\.md: is not UTF-8"):
        read_articles(latin)
    write(large, body="x" * MAX_ARTICLE_BYTES)
    with pytest.raises(ConfigurationError, match=r"hours\.md: has \d+ bytes"):
        read_articles(large)


def test_a_missing_and_an_empty_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nowhere"):
        read_articles(tmp_path / "nowhere")
    with pytest.raises(ConfigurationError, match="no articles"):
        read_articles(tmp_path)
