"""The SQLite store's own: finds the shop's articles, shares its file, keeps its layout."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import apsw
import pytest

from closeloop.errors import ConfigurationError
from closeloop.knowledge.chunking import Article, document_of
from closeloop.knowledge.encoder import SentenceEncoder
from closeloop.knowledge.ingest import read_documents
from closeloop.knowledge.sqlite import SqliteKnowledge
from closeloop.models.knowledge import Document
from tests.support.embedding import WordVectors

ARTICLES = Path(__file__).parents[2] / "knowledge_base"

QUESTIONS = (
    ("I'd like my money back for the mug I bought last week.", "refund-policy"),
    ("How many days do I have to ask for a refund?", "refund-policy"),
    ("When will the refund show up on my credit card?", "refund-policy"),
    ("Can you refund me to a different card? The old one expired.", "refund-policy"),
    ("How do I send something back, do I need a return label?", "return-policy"),
    ("I threw the original box away, can I still return the lamp?", "return-policy"),
    ("Could I swap the black headphones for the ivory color?", "exchange-policy"),
    ("Please cancel my order, I don't need it any more.", "cancellation-policy"),
    ("it's already processed, too late to cancel?", "cancellation-policy"),
    ("I moved, please deliver the order to my new address", "address-changes"),
    ("Do you ship to Canada?", "shipping"),
    ("how much is express delivery", "shipping"),
    ("When does my parcel arrive, how long does standard shipping take?", "shipping"),
    ("My package never came and tracking has not moved for ten days", "lost-or-late-parcels"),
    ("Tracking says delivered but nothing is on my porch", "lost-or-late-parcels"),
    ("One of the two mugs arrived broken!!", "damaged-or-wrong-items"),
    ("You sent me the wrong item", "damaged-or-wrong-items"),
    ("I was charged twice for the same order", "double-charges"),
    ("There's a charge on my statement I don't recognize", "double-charges"),
    ("Need a copy of the invoice with my company name on it", "invoices"),
    ("The lamp stopped working after three months, is that under warranty?", "warranty"),
    ("Please delete my account and all my personal data", "privacy-and-account"),
    ("I need to change the e-mail address I sign in with", "privacy-and-account"),
    ("Do your gift cards expire?", "gift-cards"),
    ("I want to speak to a real person", "contact-and-hours"),
    ("What are your opening hours on Saturday?", "contact-and-hours"),
    ("Where is my order? What does 'processed' mean?", "order-status-and-tracking"),
    ("My payment was declined at checkout", "payment-methods"),
    ("I forgot to enter my discount code", "payment-methods"),
    ("Is the mug dishwasher safe?", "product-stoneware-mug"),
    ("How many hours does the fig candle burn?", "product-soy-candle"),
    ("Can I put the linen blanket in the washing machine?", "product-linen-throw"),
    ("Which light bulb goes into the Juniper lamp?", "product-juniper-table-lamp"),
    ("Lark One won't pair with my phone", "product-lark-one-speaker"),
    ("What's the battery life of the Wren headphones?", "product-wren-headphones"),
    ("No sound on the left side of my headphones", "product-wren-headphones"),
    ("The kettle shows E1 and switches off", "product-ember-kettle"),
    ("Do the Meadow speakers need an amplifier?", "product-meadow-speakers"),
    ("How often should I replace the needle of my record player?", "product-field-turntable"),
    ("Does the cushion cover come with a filling?", "product-cushion-cover"),
    ("Does the USB-C cable carry video to a monitor?", "product-usb-c-cable"),
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteKnowledge]:
    knowledge = SqliteKnowledge(tmp_path / "knowledge.db", WordVectors())
    yield knowledge
    knowledge.close()


@pytest.fixture(scope="module")
def shop_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteKnowledge]:
    folder = tmp_path_factory.mktemp("shop")
    knowledge = SqliteKnowledge(folder / "knowledge.db", SentenceEncoder())
    knowledge.put("default", read_documents(ARTICLES))
    yield knowledge
    knowledge.close()


def article(article_id: str, body: str, *, title: str | None = None) -> Document:
    return document_of(
        Article(
            article_id=article_id,
            title=title or article_id,
            kind="doc",
            version="1",
            language="en",
            body=body,
        ),
        source="tests",
    )


def test_customers_questions_find_their_article(shop_store: SqliteKnowledge) -> None:
    missed = [
        (question, wanted, found)
        for question, wanted in QUESTIONS
        for found in [[p.article_id for p in shop_store.search("default", question, limit=3)]]
        if wanted not in found
    ]
    hit_rate = 1 - len(missed) / len(QUESTIONS)
    assert hit_rate >= 0.9, f"hit@3 is {hit_rate:.1%}; missed: {missed}"


def test_words_are_found_by_their_stem_and_title_counts_more(store: SqliteKnowledge) -> None:
    store.put(
        "t",
        [
            article("body", "We speak of cancelling here.", title="Something"),
            article("title", "We speak of other matters.", title="Cancelled orders"),
        ],
    )
    words, _ = store.legs("t", "How can I cancel?", depth=5)
    assert words == ["title", "body"]


def test_a_star_is_no_prefix_search(store: SqliteKnowledge) -> None:
    store.put("t", [article("a", "walrus")])
    assert store.legs("t", "wal*", depth=5)[0] == []


def test_threads_search_while_another_writes(store: SqliteKnowledge) -> None:
    many = article("a", "\n".join(f"# S{n}\nwalrus number {n}" for n in range(20)))
    few = many.model_copy(update={"chunks": many.chunks[:5]})
    store.put("t", [many])
    stop = threading.Event()

    def search() -> set[int]:
        sizes = {len(store.legs("t", "walrus", depth=50)[0])}
        while not stop.is_set():
            sizes.add(len(store.legs("t", "walrus", depth=50)[0]))
        return sizes

    with ThreadPoolExecutor(max_workers=4) as pool:
        searches = [pool.submit(search) for _ in range(4)]
        for _ in range(10):
            store.put("t", [few])
            store.put("t", [many])
        stop.set()
    assert set[int]().union(*(future.result() for future in searches)) <= {5, 20}


def test_two_stores_on_one_file_take_turns(tmp_path: Path) -> None:
    stores = [SqliteKnowledge(tmp_path / "k.db", WordVectors()) for _ in range(2)]
    with ThreadPoolExecutor(max_workers=2) as pool:
        for future in [
            pool.submit(store.put, f"tenant{place}-{n}", [article("a", "walrus")])
            for n in range(10)
            for place, store in enumerate(stores)
        ]:
            assert future.result() == 1
    assert all(len(stores[1].search(f"tenant0-{n}", "walrus", limit=1)) == 1 for n in range(10))
    for store in stores:
        store.close()


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("this is no database, and long enough to be sure of it\n" * 50)
    with pytest.raises(ConfigurationError, match=r"notes\.txt"):
        SqliteKnowledge(path, WordVectors())
    with pytest.raises(ConfigurationError, match="knowledge file"):
        SqliteKnowledge(tmp_path / "no folder" / "k.db", WordVectors())


def test_a_file_of_the_layout_before_vectors_is_emptied_and_used(tmp_path: Path) -> None:
    path = tmp_path / "k.db"
    before = apsw.Connection(str(path))
    before.execute(
        "CREATE TABLE tenant (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;"
        "CREATE TABLE passage (number INTEGER PRIMARY KEY, tenant TEXT, passage_id TEXT) STRICT;"
        "INSERT INTO tenant VALUES (1, 't'); INSERT INTO passage VALUES (1, 't', 'a');"
        "CREATE VIRTUAL TABLE words_1 USING fts5 (heading, body, content = '',"
        " contentless_delete = 1); INSERT INTO words_1 (rowid, body) VALUES (1, 'walrus')"
    )
    before.close()
    store = SqliteKnowledge(path, WordVectors())
    assert store.documents("t") == ()
    assert store.put("t", [article("a", "walrus")]) == 1
    assert [one.text for one in store.search("t", "walrus", limit=5)] == ["walrus"]
    store.close()


def test_a_file_of_a_newer_closeloop_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "k.db"
    SqliteKnowledge(path, WordVectors()).close()
    newer = apsw.Connection(str(path))
    newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(ConfigurationError, match=r"k\.db.*newer Closeloop \(layout 99"):
        SqliteKnowledge(path, WordVectors())
