"""Builds the strict shapes that models answer in, from what is only known at run time.

Strict JSON schemas have no optional fields, no open objects and few constraints. So of an action's
parameters every field is required, what may be left out is null or empty, and the limits are left
to ``actions.catalogue.parse``, which reads whatever comes back.
"""

from collections.abc import Iterable
from functools import cache
from types import UnionType
from typing import Annotated, Any, Final, Literal, TypeVar, Union, cast, get_args, get_origin

from pydantic import BaseModel, create_model

from closeloop.agents.asking import Answer

FILLED_IN: Final = "customer_id"
"""The parameter that no model is asked for: an action is about the ticket's own customer."""

_LISTS: Final = (tuple, list)

Base = TypeVar("Base", bound=Answer)


def variant(base: type[Base], name: str, doc: str | None, fields: dict[str, Any]) -> type[Base]:
    """Return ``base`` with these types for some of its fields, all of them required."""
    required: dict[str, Any] = {field: (kind, ...) for field, kind in fields.items()}
    return create_model(name, __base__=base, __doc__=doc, **required)


def one_of(values: Iterable[str]) -> Any:
    """Return the type of one of these texts."""
    return cast(Any, Literal)[tuple(values)]


def either(types: Iterable[Any]) -> Any:
    """Return the type of one of these; not by a discriminator, which strict schemas do not know."""
    return cast(Any, Union)[tuple(types)]


@cache
def strict(model: type[BaseModel]) -> type[Answer]:
    """Return ``model`` as models answer it, with its name, its docstring and its fields' names."""
    fields = {
        name: _plain(field.annotation)
        for name, field in model.model_fields.items()
        if name != FILLED_IN
    }
    return variant(Answer, model.__name__, model.__doc__, fields)


def _plain(annotation: Any) -> Any:
    """Return a field's type without constraints, with lists for tuples, and strict all the way."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _plain(arguments[0])
    if origin in _LISTS:
        return cast(Any, list)[_plain(arguments[0])]
    if origin in (Union, UnionType):
        return either(_plain(one) for one in arguments)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return strict(annotation)
    return cast(Any, annotation)
