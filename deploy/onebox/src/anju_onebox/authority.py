"""The private authority of a deployment, and the certificates it gives its processes. Its key stays in the folder where it was made; no process has it.

Another authority takes the place of one in three steps, each handed to every process before the next: it is believed as well, it signs, the old one is no
longer believed.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final

from chassis.files import write_private
from chassis.tls import AUTHORITIES, CERTIFICATE, KEY, name_of
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_LIVES: Final = timedelta(days=3650)
CERTIFICATE_LIVES: Final = timedelta(days=365)
# A machine whose clock is hours behind goes on speaking with the others.
_BEFORE: Final = timedelta(days=1)
_DOMAIN: Final = name_of("").lstrip(".")
_SIGNS, _NEXT, _OLD = "ca", "next", "old"


class Step(StrEnum):
    """Of one authority's taking over from another."""

    ADD = "add"
    USE = "use"
    DROP = "drop"


class StepError(Exception):
    """Not the next step; the text says which is."""


class Authority:
    """The authority of ``folder``; made when there is none."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        if not (folder / f"{_SIGNS}.crt").exists():
            self._make(_SIGNS)

    def step(self, step: Step) -> None:
        """Raises StepError."""
        match step:
            case Step.ADD:
                if self._has(_NEXT) or self._has(_OLD):
                    raise StepError("already one is taking over: --authority use, then --authority drop")
                self._make(_NEXT)
            case Step.USE:
                if not self._has(_NEXT):
                    raise StepError("no other authority is believed yet: --authority add comes first")
                (self._folder / f"{_SIGNS}.crt").rename(self._folder / f"{_OLD}.crt")
                for kind in ("key", "crt"):
                    (self._folder / f"{_NEXT}.{kind}").replace(self._folder / f"{_SIGNS}.{kind}")
            case Step.DROP:
                if not self._has(_OLD):
                    raise StepError("no old authority is believed any more")
                (self._folder / f"{_OLD}.crt").unlink()

    def _has(self, which: str) -> bool:
        return (self._folder / f"{which}.crt").exists()

    def certify(self, process: str, into: Path) -> None:
        """A new key and certificate of the process, and the authorities it is to believe."""
        signs = x509.load_pem_x509_certificate((self._folder / f"{_SIGNS}.crt").read_bytes())
        authority_key = load_pem_private_key((self._folder / f"{_SIGNS}.key").read_bytes(), None)
        assert isinstance(authority_key, ec.EllipticCurvePrivateKey)
        key, name = ec.generate_private_key(ec.SECP256R1()), name_of(process)
        certificate = (
            _builder(_called(name), signs.subject, key, min(datetime.now(UTC) + CERTIFICATE_LIVES, signs.not_valid_after_utc))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=False), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
            # Every process calls some and is called by others.
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
            .sign(authority_key, SHA256())
        )
        believed = [self._folder / f"{which}.crt" for which in (_SIGNS, _NEXT, _OLD) if self._has(which)]
        # First whom to believe: with a certificate of an authority that the same folder does not name nobody is taken.
        write_private(into / AUTHORITIES, "".join(each.read_text() for each in believed))
        write_private(into / KEY, _pem(key))
        write_private(into / CERTIFICATE, certificate.public_bytes(Encoding.PEM).decode())

    def _make(self, which: str) -> None:
        """With a date in its name: two of them are told apart by it."""
        key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
        name = _called(f"Anju {now:%Y-%m-%d %H:%M:%S.%f}")
        certificate = (
            _builder(name, name, key, now + AUTHORITY_LIVES)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs=True), critical=True)
            # Whoever steals its key is nobody outside of this deployment.
            .add_extension(x509.NameConstraints([x509.DNSName(_DOMAIN)], None), critical=True)
            .sign(key, SHA256())
        )
        write_private(self._folder / f"{which}.key", _pem(key))
        write_private(self._folder / f"{which}.crt", certificate.public_bytes(Encoding.PEM).decode())


def _called(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, ends: datetime) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - _BEFORE)
        .not_valid_after(ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    """Of an authority, which signs certificates and nothing else, or of a process, which signs handshakes."""
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
