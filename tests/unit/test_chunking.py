"""Articles become bounded passages with stable ids."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from closeloop.knowledge.chunking import Article, chunk_article


def article(body: str) -> Article:
    return Article(
        article_id="guide", title="Guide", kind="doc", version="7", language="en", body=body
    )


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
