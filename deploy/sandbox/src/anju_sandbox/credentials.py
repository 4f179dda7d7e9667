"""Keys of the sandbox world: random per installation, kept in ``credentials.json`` (mode 0600) in the data directory."""

import fcntl
import os
import secrets
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.jwk import ECKey
from pydantic import BaseModel

from anju_sandbox.departments import discover

FILE_NAME = "credentials.json"
CONTROL_FILE = "control-token"


class BankMerchant(BaseModel):
    """The merchant at the bank. public_key is the hex DER the bank hands out; pub its last 30 characters."""

    merchant_id: str
    pos_id: str
    branch_id: str
    query_password: str
    public_key: str
    pub: str


class SignOnClient(BaseModel):
    client_id: str
    client_secret: str


class Credentials(BaseModel):
    """What a deployment hands to its services."""

    # Access data of the departments' servers, each as its department shapes them.
    departments: dict[str, dict[str, Any]]
    bank: BankMerchant
    sms_api_key: str
    sign_on: SignOnClient
    # HMAC-SHA256 key of the subject hashes in the request book: lets an independent verifier match ID numbers.
    book_key: str


class KeyRing(BaseModel):
    """Credentials plus the private keys which never leave the sandbox."""

    credentials: Credentials
    bank_private_key_pem: str
    sign_on_private_jwk: dict[str, str]
    sign_on_subject_key: str


def _new_ring() -> KeyRing:
    bank_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = bank_key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = bank_key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    signer = ECKey.generate_key("P-256")
    credentials = Credentials(
        departments={},
        bank=BankMerchant(
            merchant_id=f"990{secrets.randbelow(10**12):012d}",
            pos_id=f"{secrets.randbelow(10**9):09d}",
            branch_id="990000000",
            query_password=secrets.token_urlsafe(12),
            public_key=public.hex(),
            pub=public.hex()[-30:],
        ),
        sms_api_key=secrets.token_urlsafe(32),
        sign_on=SignOnClient(client_id="anju", client_secret=secrets.token_urlsafe(32)),
        book_key=secrets.token_hex(32),
    )
    jwk = {name: str(value) for name, value in signer.as_dict(private=True).items()}
    return KeyRing(
        credentials=credentials,
        bank_private_key_pem=pem.decode(),
        sign_on_private_jwk=jwk,
        sign_on_subject_key=secrets.token_hex(32),
    )


def load_or_create(data_dir: Path) -> KeyRing:
    """The installation's keys, made on the first start; those of a department which came later are added.

    Two processes starting together must not end with different keys: they read and write one after the other, and the file is replaced whole.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    path = data_dir / FILE_NAME
    with (data_dir / f".{FILE_NAME}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ring = KeyRing.model_validate_json(path.read_text(encoding="utf-8")) if path.exists() else _new_ring()
        made = {
            server: department.new_keys(server).model_dump()
            for department in discover().values()
            for server in department.places
            if server not in ring.credentials.departments
        }
        if made or not path.exists():
            ring.credentials.departments.update(made)
            _write(path, ring.model_dump_json(indent=2))
    return ring


def control_token(data_dir: Path) -> str:
    """What the control server asks for: made on the first start, kept in a file of its own (mode 0600) so that a person can read it."""
    data_dir.mkdir(parents=True, exist_ok=True)
    path = data_dir / CONTROL_FILE
    with (data_dir / f".{FILE_NAME}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            _write(path, secrets.token_urlsafe(32))
        return path.read_text(encoding="utf-8").strip()


def _write(path: Path, text: str) -> None:
    aside = path.with_name(f".{path.name}.new")
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


def department_keys(credentials: Credentials) -> dict[str, BaseModel]:
    """The access data of every department's server."""
    return {
        server: department.keys.model_validate(credentials.departments[server])
        for department in discover().values()
        for server in department.places
    }
