"""What a Temporal cluster must have before a worker serves: the namespace, its retention, the search attributes.

A namespace without them takes every case and lets none go on: each first workflow task fails at the upsert of an unknown attribute.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final

from chassis.commands import CannotRunError
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, RegisterNamespaceRequest, UpdateNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from anju_workflows.search_attributes import SEARCH_ATTRIBUTES

# As long as the checker shall find the history of a closed case.
DEFAULT_RETENTION: Final = timedelta(days=90)
COMMAND: Final = "anju setup --deployment FILE"
_VISIBLE_SECONDS: Final = 90.0
# A comparison that only an attribute of the type allows.
_COMPARISON: Final = {"Keyword": "= ''", "Bool": "= true", "Int": "= 0", "Datetime": "= '2000-01-01T00:00:00Z'"}
_TYPES: Final = {
    "Keyword": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "Bool": IndexedValueType.INDEXED_VALUE_TYPE_BOOL,
    "Int": IndexedValueType.INDEXED_VALUE_TYPE_INT,
    "Datetime": IndexedValueType.INDEXED_VALUE_TYPE_DATETIME,
}


class NotSetUpError(CannotRunError):
    """The cluster is not what our workflows need."""


async def missing(client: Client) -> list[str]:
    """The search attributes which the client's namespace does not have, or has of another type. Asked by reading alone: no worker needs the right to
    list or to add them. Raises NotSetUpError without the namespace, RPCError."""
    lacking = []
    for name, kind in SEARCH_ATTRIBUTES.items():
        try:
            await client.count_workflows(f"{name} {_COMPARISON[kind]}")
        except RPCError as error:
            match error.status:
                case RPCStatusCode.NOT_FOUND:
                    raise NotSetUpError(f"Temporal 没有命名空间 there is no namespace {client.namespace}: {COMMAND}") from error
                case RPCStatusCode.INVALID_ARGUMENT:
                    lacking.append(f"{name} ({kind})")
                case _:
                    raise
    return lacking


async def require(client: Client) -> None:
    """Raises NotSetUpError with the command that puts it right."""
    lacking = await missing(client)
    if lacking:
        raise NotSetUpError(
            f"命名空间缺少检索属性 namespace {client.namespace} has no search attributes {', '.join(lacking)}; "
            f"every case would be taken and none would go on: {COMMAND}"
        )


async def set_up(client: Client, retention: timedelta | None = None) -> list[str]:
    """Makes what is not there; says what it made. Safe to repeat.

    A longer retention than the default stays unless ``retention`` is given. Raises RPCError when the cluster does not let us, and NotSetUpError when an
    attribute of the name has another type.
    """
    made = [*await _namespace(client, retention), *await _attributes(client)]
    deadline = asyncio.get_running_loop().time() + _VISIBLE_SECONDS
    while True:
        # The frontends hear of it within their caches' time.
        try:
            await require(client)
        except NotSetUpError:
            if asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(0.5)
        else:
            return made


async def _namespace(client: Client, retention: timedelta | None) -> list[str]:
    service = client.workflow_service
    try:
        found = await service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        wanted = retention or DEFAULT_RETENTION
        request = RegisterNamespaceRequest(namespace=client.namespace, description="安居 Anju")
        request.workflow_execution_retention_period.FromTimedelta(wanted)
        try:
            await service.register_namespace(request)
        except RPCError as refused:
            # Another run of this command was faster.
            if refused.status is not RPCStatusCode.ALREADY_EXISTS:
                raise
        return [f"命名空间 namespace {client.namespace}, {wanted.days} d"]
    has = found.config.workflow_execution_retention_ttl.ToTimedelta()
    wanted = retention if retention is not None else max(has, DEFAULT_RETENTION)
    if has == wanted:
        return []
    change = UpdateNamespaceRequest(namespace=client.namespace)
    change.config.workflow_execution_retention_ttl.FromTimedelta(wanted)
    await service.update_namespace(change)
    return [f"保留期 retention {has.days} d → {wanted.days} d"]


async def _attributes(client: Client) -> list[str]:
    try:
        lacking = [name.split()[0] for name in await missing(client)]
    except NotSetUpError:
        # The namespace is so new that the frontend has not heard of it.
        lacking = list(SEARCH_ATTRIBUTES)
    made = []
    deadline = asyncio.get_running_loop().time() + _VISIBLE_SECONDS
    for name in lacking:
        request = AddSearchAttributesRequest(namespace=client.namespace, search_attributes={name: _TYPES[SEARCH_ATTRIBUTES[name]]})
        while True:
            try:
                await client.operator_service.add_search_attributes(request)
            except RPCError as error:
                if error.status is RPCStatusCode.ALREADY_EXISTS:
                    break
                if error.status is not RPCStatusCode.NOT_FOUND or asyncio.get_running_loop().time() > deadline:
                    raise
                await asyncio.sleep(0.5)
            else:
                made.append(f"检索属性 search attribute {name} ({SEARCH_ATTRIBUTES[name]})")
                break
    return made
