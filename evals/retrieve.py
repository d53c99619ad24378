"""``python -m evals.retrieve``: how well the product's own search finds what answers.

``--data`` is a folder with ``tau2-banking-knowledge`` and ``amazon-epqa`` in it. Banking: a long
text asks for several of 698 documents; a document ranks where its best passage does. ePQA: ten
candidates for each question about a product. Both legs of the search are scored beside the whole.
Exit code 0 only if every bar is reached.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from closeloop.bootstrap import MeasuredKnowledge, open_knowledge
from closeloop.errors import BackendUnavailable, CloseloopError, ConfigurationError
from closeloop.knowledge.chunking import Article, document_of
from closeloop.knowledge.query import DEPTH
from closeloop.models.knowledge import Chunk, Document
from closeloop.settings import Settings
from evals.report import (
    Score,
    percent,
    print_scores,
    print_table,
    progress,
    scores_json,
    write_json,
)

WIDTH: Final = 120
BATCH: Final = 50
"""Documents put at a time."""
LEGS: Final[tuple[str, ...]] = ("hybrid", "words", "meaning")
Rankings = dict[str, Sequence[str]]
"""What ``hybrid``, ``words`` and ``meaning`` found for one query, best first."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the eval; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m evals.retrieve", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a folder with the two sets in it")
    parser.add_argument("--store", default="sqlite", help="sqlite, or the address of a Weaviate")
    parser.add_argument("--out", type=Path, help="where the JSON is written")
    options = parser.parse_args(arguments)
    console = Console(stderr=True) if sys.stderr.isatty() else Console(stderr=True, width=WIDTH)
    began = time.monotonic()
    try:
        with tempfile.TemporaryDirectory() as work:
            url = None if options.store == "sqlite" else options.store
            store = open_knowledge(Settings(state_dir=Path(work), weaviate_url=url))
            banking = _banking(store, options.data, console)
            products = _products(store, options.data, console)
            store.close()
    except CloseloopError as error:
        sys.stderr.write(f"evals.retrieve: {error}\n")
        return 4 if isinstance(error, BackendUnavailable) else 2
    scores = [
        Score(name="banking hit@5", value=banking["hybrid"]["hit@5"], at_least=84),
        Score(name="banking recall@20", value=banking["hybrid"]["recall@20"], at_least=45),
        Score(name="ePQA p@1", value=products["hybrid"]["p@1"], at_least=68),
        *_over_legs("banking", banking),
        *_over_legs("ePQA", products),
    ]
    rows = [
        (leg, *(f"{table[leg][name]:.1f}" for table in (banking, products) for name in table[leg]))
        for leg in LEGS
    ]
    shown = Console(width=console.width)
    print_table(shown, "By leg", ("search", "hit@5", "recall@20", "p@1"), rows)
    print_scores(shown, f"Retrieval, {options.store}", scores)
    seconds = round(time.monotonic() - began, 1)
    summary = scores_json(
        "retrieve",
        scores,
        store=options.store,
        banking=banking,
        products=products,
        seconds=seconds,
    )
    if options.out is not None:
        write_json(options.out, summary)
    return 0 if summary["passed"] else 1


def _over_legs(what: str, table: Mapping[str, Mapping[str, float]]) -> list[Score]:
    """Return by how much the whole is above its better leg, for each measure."""
    return [
        Score(
            name=f"{what} {name}, hybrid over its better leg",
            value=round(value - max(table["words"][name], table["meaning"][name]), 1),
            at_least=0,
        )
        for name, value in table["hybrid"].items()
    ]


def _banking(store: MeasuredKnowledge, data: Path, console: Console) -> dict[str, dict[str, float]]:
    folder = data / "tau2-banking-knowledge"
    documents = [
        document_of(
            Article(
                article_id=line["id"],
                title=line["title"],
                kind="doc",
                version="1",
                language="en",
                body=line["content"],
            ),
            source="eval",
        )
        for line in _lines(folder, "documents*.jsonl")
    ]
    home = {chunk.passage_id: one.document_id for one in documents for chunk in one.chunks}
    tasks = _lines(folder, "tasks*.jsonl")
    with progress(console, len(documents) + len(tasks)) as advance:
        _put(store, "banking", documents, advance)
        found: list[Rankings] = []
        for task in tasks:
            ranked = _rankings(store, "banking", task["query"])
            found.append(
                {leg: list(dict.fromkeys(home[one] for one in ids)) for leg, ids in ranked.items()}
            )
            advance()
    table: dict[str, dict[str, float]] = {}
    for leg in LEGS:
        hits, recall = 0, 0.0
        for task, ranked in zip(tasks, found, strict=True):
            required = set(task["required_documents"])
            hits += bool(required & set(ranked[leg][:5]))
            recall += len(required & set(ranked[leg][:20])) / len(required)
        table[leg] = {"hit@5": percent(hits, len(tasks)), "recall@20": percent(recall, len(tasks))}
    return table


def _products(
    store: MeasuredKnowledge, data: Path, console: Console
) -> dict[str, dict[str, float]]:
    """Score the questions; each has a tenant of its own, for only its candidates are ranked."""
    questions = [
        line
        for line in _lines(data / "amazon-epqa", "questions*.jsonl")
        if any(candidate["label"] == 2 for candidate in line["candidates"])
    ]
    right: dict[str, int] = dict.fromkeys(LEGS, 0)
    with progress(console, len(questions)) as advance:
        for line in questions:
            tenant = f"question-{line['qid']}"
            labels: dict[str, int] = {}
            chunks: list[Chunk] = []
            for place, candidate in enumerate(line["candidates"]):
                name = f"{line['asin']}#{place:02}"
                labels[name] = candidate["label"]
                chunks.append(Chunk(passage_id=name, title="", version="1", text=candidate["text"]))
            page = Document(
                document_id=line["asin"], source="eval", kind="product", chunks=tuple(chunks)
            )
            store.put(tenant, [page])
            for leg, ids in _rankings(store, tenant, line["question"]).items():
                right[leg] += labels[ids[0] if ids else min(labels)] == 2
            advance()
    return {leg: {"p@1": percent(count, len(questions))} for leg, count in right.items()}


def _put(
    store: MeasuredKnowledge,
    tenant: str,
    documents: Sequence[Document],
    advance: Callable[[], None],
) -> None:
    for start in range(0, len(documents), BATCH):
        batch = documents[start : start + BATCH]
        store.put(tenant, batch)
        for _ in batch:
            advance()


def _rankings(store: MeasuredKnowledge, tenant: str, query: str) -> Rankings:
    words, meaning = store.legs(tenant, query, depth=DEPTH)
    hybrid = [passage.passage_id for passage in store.search(tenant, query, limit=DEPTH)]
    return {"hybrid": hybrid, "words": words, "meaning": meaning}


def _lines(folder: Path, pattern: str) -> list[dict[str, Any]]:
    """Return the lines of the one file in the folder that the pattern finds.

    Raises:
        ConfigurationError: there is none, or more than one.
    """
    files = sorted(folder.glob(pattern))
    if len(files) != 1:
        raise ConfigurationError(f"{folder}: there must be one {pattern}, found {len(files)}")
    return [json.loads(line) for line in files[0].read_text(encoding="utf-8").splitlines() if line]


if __name__ == "__main__":
    sys.exit(main())
