"""``dev.json``: how a state folder says which dev server serves it.

It is believed only while that process lives and the port answers with the cluster id that was
written there: another server on the same port is never taken for it.
"""

import asyncio
import os
from pathlib import Path

from pydantic import ValidationError
from temporalio.api.workflowservice.v1 import GetClusterInfoRequest
from temporalio.client import Client
from temporalio.service import RPCError

from closeloop.models.base import UtcTime, Wire


class DevServerInfo(Wire):
    """What ``dev.json`` in a state folder says about the server that serves it."""

    address: str
    """``host:port`` of the gRPC service."""
    namespace: str
    ui_url: str | None
    """Of the Web UI; none if the server runs without."""
    pid: int
    """Of the server itself."""
    owner_pid: int
    """Of the process that started it and ends it."""
    started_at: UtcTime
    database: str | None
    """The file that holds all state; none if it is kept in memory."""
    cluster_id: str
    """Made by the server with its database, and how it is recognised."""
    log: str


def dev_json(state_dir: Path) -> Path:
    """Return where the state folder says which server serves it."""
    return state_dir / "dev.json"


async def read_dev_json(state_dir: Path) -> DevServerInfo | None:
    """Return the server that serves this state folder, or none if it is gone.

    The process must live, and its port must answer with the cluster id written down.
    """
    info = parse_dev_json(state_dir)
    if info is None or not lives(info.pid):
        return None
    try:
        async with asyncio.timeout(5):
            client = await Client.connect(info.address, namespace=info.namespace)
            answers = await cluster_id(client)
    except (RuntimeError, RPCError, TimeoutError):
        return None
    return info if answers == info.cluster_id else None


def lives(pid: int) -> bool:
    """Return whether there is a process of this id."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it lives, and is somebody else's
        return True
    return True


async def cluster_id(client: Client) -> str:
    """Return the id that the server made with its database."""
    return (await client.workflow_service.get_cluster_info(GetClusterInfoRequest())).cluster_id


def parse_dev_json(state_dir: Path) -> DevServerInfo | None:
    """Return what is written there, true or not; none if that cannot be read."""
    try:
        return DevServerInfo.model_validate_json(dev_json(state_dir).read_bytes())
    except (OSError, ValidationError):
        return None


def write_dev_json(state_dir: Path, info: DevServerInfo) -> None:
    """Replace the file in one step: a reader finds the old one or the new one, whole."""
    target = dev_json(state_dir)
    draft = target.with_suffix(f".{os.getpid()}.tmp")
    draft.write_text(info.model_dump_json(indent=2) + "\n")
    draft.replace(target)
