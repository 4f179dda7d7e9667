"""Keys of the sandbox world: random per installation, kept in ``credentials.json`` (mode 0600) in the data directory."""

import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.jwk import ECKey
from pydantic import BaseModel

from anju_sandbox.world.places import DISTRICTS

FILE_NAME = "credentials.json"


class HenanApp(BaseModel):
    """Access to a service behind the provincial gateway (protocol 4.2)."""

    app_id: str
    app_key: str
    subscribe_id: str
    user_id: str


class NationalApp(BaseModel):
    """Access to a service on the national data-sharing platform (protocol 4.1)."""

    rid: str
    sid: str
    app_key: str


class RealEstateLogin(BaseModel):
    """Login of one county register; reply_key verifies the signature of its answers (assumed schema)."""

    yhm: str
    mm: str
    reply_key: str


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

    social_insurance: HenanApp
    vehicles: NationalApp
    marriage: NationalApp
    real_estate: dict[str, RealEstateLogin]
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


def _national(sid: str) -> NationalApp:
    return NationalApp(rid=f"9902{secrets.randbelow(10**8):08d}", sid=sid, app_key=secrets.token_hex(16))


def _new_ring() -> KeyRing:
    bank_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = bank_key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = bank_key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    signer = ECKey.generate_key("P-256")
    credentials = Credentials(
        social_insurance=HenanApp(
            app_id=secrets.token_hex(16),
            app_key=secrets.token_urlsafe(36),
            subscribe_id=secrets.token_hex(8),
            user_id=f"kf-{secrets.token_hex(4)}",
        ),
        vehicles=_national("GA-JDC-0001"),
        marriage=_national("MZ-HYDJ-0001"),
        real_estate={
            code: RealEstateLogin(yhm=f"zfbz{code}", mm=secrets.token_urlsafe(18), reply_key=secrets.token_urlsafe(32))
            for code in sorted(DISTRICTS)
        },
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
    """The installation's keys, made on the first start.

    Two processes starting together must not end with different keys: the file is written aside and linked into place,
    and who comes second reads what the first one wrote.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    path = data_dir / FILE_NAME
    if not path.exists():
        aside = data_dir / f".{FILE_NAME}.{os.getpid()}.{secrets.token_hex(4)}"
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(_new_ring().model_dump_json(indent=2))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(aside, path)
        except FileExistsError:
            pass
        finally:
            aside.unlink()
    return KeyRing.model_validate_json(path.read_text(encoding="utf-8"))
