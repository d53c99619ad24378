"""Reads product feeds: a JSON file or a CSV file with one product an entry or line.

::

    {"products": [{"id": "LK-1", "title": "Lark One", "description": "A speaker.",
                   "attributes": {"Weight": "640 g"}}]}

    id,title,description,Weight
    LK-1,Lark One,A speaker.,640 g

``version``, ``language``, ``valid_from`` and ``valid_until`` may be given as in an article. Every
other column of a CSV file is an attribute; an empty cell says nothing.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Final, NoReturn, cast

from pydantic import AfterValidator, Field, StringConstraints, ValidationError

from closeloop.errors import ConfigurationError
from closeloop.knowledge.chunking import Article
from closeloop.knowledge.files import Dated, Language, Version, Words, first_fault, inert
from closeloop.models.base import Input, sayable


def _whole(value: str | float | bool) -> str | float | bool:
    if isinstance(value, str) and sayable(value) != value:
        raise ValueError("holds half a character (a lone surrogate)")
    return value


_Fact = Annotated[str | int | float | bool, AfterValidator(_whole)]
_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)]


class _Product(Dated):
    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
    title: Words
    description: _Text
    attributes: dict[Words, _Fact] = Field(default_factory=dict)
    version: Version = "1"
    language: Language = "en"

    def article(self) -> Article:
        facts = "\n".join(f"- {_line(key)}: {_line(str(v))}" for key, v in self.attributes.items())
        return Article(
            article_id=self.id,
            title=self.title,
            kind="product",
            version=self.version,
            language=self.language,
            valid_from=self.valid_from,
            valid_until=self.valid_until,
            body=f"{inert(self.description)}\n\n{facts}".strip(),
        )


class _Feed(Input):
    products: tuple[_Product, ...]


_COLUMNS: Final = frozenset(_Product.model_fields) - {"attributes"}


def parse_json_feed(name: str, text: str) -> Iterator[Article]:
    """Yield the products of a JSON feed: an object with ``products``, or their array alone.

    Raises:
        ConfigurationError: it is not JSON, or a product is wrong; names file, place and key.
    """
    try:
        data: object = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{name}: is not JSON: {error}") from error
    try:
        feed = _Feed.model_validate({"products": data} if isinstance(data, list) else data)
    except ValidationError as error:
        raise first_fault(name, error) from error
    for product in feed.products:
        yield product.article()


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number")


def parse_csv_feed(name: str, text: str) -> Iterator[Article]:
    """Yield the products of a CSV feed with a header line.

    Raises:
        ConfigurationError: it is not CSV, or a line is wrong; names file, line and column.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        empty: list[str] = []
        columns = [column.strip() for column in next(reader, empty)]
        _check_columns(name, columns)
        yield from _articles(name, columns, ((reader.line_num, row) for row in reader))
    except csv.Error as error:
        raise ConfigurationError(f"{name}: line {reader.line_num}: {error}") from error


def _check_columns(name: str, columns: list[str]) -> None:
    for column in ("id", "title", "description"):
        if column not in columns:
            raise ConfigurationError(f"{name}: {column}: the header line has no such column")
    for place, column in enumerate(columns):
        if not column or column in columns[:place]:
            raise ConfigurationError(
                f"{name}: {column!r}: the header line names each column, and each once"
            )


def _articles(
    name: str, columns: list[str], lines: Iterable[tuple[int, list[str]]]
) -> Iterator[Article]:
    for number, cells in lines:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(columns):
            raise ConfigurationError(
                f"{name}: line {number}: has {len(cells)} cells, the header line {len(columns)}"
            )
        given = {c: cell.strip() for c, cell in zip(columns, cells, strict=True) if cell.strip()}
        fields = cast(dict[str, Any], {c: v for c, v in given.items() if c in _COLUMNS})
        fields["attributes"] = {c: v for c, v in given.items() if c not in _COLUMNS}
        try:
            yield _Product.model_validate(fields).article()
        except ValidationError as error:
            raise first_fault(f"{name}: line {number}", error) from error


def _line(text: str) -> str:
    return " ".join(text.split())
