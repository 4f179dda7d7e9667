"""The services of a deployment as the operators' commands speak to them: with their key, in their own name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from casekit.blocked import OPERATIONS
from chassis import commands
from chassis.deployment import Deployment
from chassis.grpc_client import Client
from chassis.identity import Signer, load_key
from chassis.tls import CertificateError, Certificates


@asynccontextmanager
async def services_of(deployment: Deployment, names: Collection[str]) -> AsyncIterator[dict[str, Client]]:
    """Raises CannotRunError for a deployment that does not say where they are, or whose operators' key or certificates are not there."""
    missing = [name for name in names if not deployment.services.get(name)]
    if missing:
        raise commands.CannotRunError(f"部署文件缺少服务地址 the deployment file names no address of {', '.join(missing)} (services)")
    key = None if deployment.keys_dir is None else deployment.keys_dir / f"{OPERATIONS}.jwk"
    if key is None or not key.exists():
        raise commands.CannotRunError(f"缺少运维密钥 the operators' key is missing: {OPERATIONS}.jwk in keys_dir")
    signer = Signer(load_key(key), OPERATIONS)
    try:
        shown = None if deployment.tls_dir is None else Certificates(deployment.tls_dir)
    except CertificateError as error:
        raise commands.CannotRunError(f"tls_dir: 证书无法使用 the certificates cannot be used — {error}") from error
    clients = {name: Client(deployment.services[name], signer, name, shown) for name in names}
    try:
        yield clients
    finally:
        for client in clients.values():
            await client.close()
