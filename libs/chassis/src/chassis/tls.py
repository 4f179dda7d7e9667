"""Certificates between processes: each shows one that bears its name, of the deployment's own authority, and checks the one it is shown.

They lie in a folder as Kubernetes and cert-manager mount them, and are followed: new ones are used for new connections, the old connections live out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import grpc
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from chassis import logs
from chassis.files import Followed

CERTIFICATE: Final = "tls.crt"
KEY: Final = "tls.key"
# The authority's certificate; two of them while one takes over from another.
AUTHORITIES: Final = "ca.crt"
# So long before its end a certificate is spoken of.
NOTICE: Final = timedelta(days=30)
NOTICE_EVERY_SECONDS: Final = 6 * 3600.0

_log = logs.get(__name__)


class CertificateError(ValueError):
    """A folder of certificates cannot be used; the text says why."""


def name_of(process: str) -> str:
    """The name a process's certificate bears, whatever its address is."""
    return f"{process}.anju.internal"


@dataclass(frozen=True)
class Shown:
    """What a process shows and whom it believes, as PEM, and until when."""

    chain: bytes
    key: bytes = field(repr=False)
    authorities: bytes
    names: tuple[str, ...]
    ends: datetime


def read(folder: Path) -> Shown:
    """Raises CertificateError: a file is missing or no PEM, key and certificate are not a pair, no authority of the folder has signed it, it has ended."""
    try:
        chain, key, authorities = ((folder / name).read_bytes() for name in (CERTIFICATE, KEY, AUTHORITIES))
    except OSError as error:
        raise CertificateError(f"{error.filename}: {error.strerror}") from error
    try:
        certificates, believed = x509.load_pem_x509_certificates(chain), x509.load_pem_x509_certificates(authorities)
        public = load_pem_private_key(key, None).public_key()
        own = certificates[0]
        names = tuple(own.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName))
    except (ValueError, TypeError, x509.ExtensionNotFound) as error:
        raise CertificateError(f"{folder}: {CERTIFICATE}, {KEY} or {AUTHORITIES} is not what it should be: {error}") from error
    if own.public_key() != public:
        # Also while one of the two files has been replaced and the other has not.
        raise CertificateError(f"{folder}: {KEY} is not the key of {CERTIFICATE}")
    if not any(_issued(certificates[-1], authority) for authority in believed):
        raise CertificateError(f"{folder}: {CERTIFICATE} is of no authority in {AUTHORITIES}")
    if own.not_valid_after_utc <= datetime.now(UTC):
        raise CertificateError(f"{folder}: {CERTIFICATE} has ended on {own.not_valid_after_utc:%Y-%m-%d}; make new ones: anju keys certify")
    return Shown(chain, key, authorities, names, own.not_valid_after_utc)


def _issued(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


class Certificates:
    """The folder of one process, followed."""

    def __init__(self, folder: Path) -> None:
        """Raises CertificateError."""
        self._followed = Followed([folder / name for name in (CERTIFICATE, KEY, AUTHORITIES)], partial(read, folder))

    def now(self) -> Shown:
        """As the folder has it."""
        return self._followed.now()

    async def notice(self) -> None:
        """Tells the operators of a certificate that ends soon."""
        shown = self.now()
        left = shown.ends - datetime.now(UTC)
        if left < NOTICE:
            _log.warning("certificate_ends", days=left.days, ends=shown.ends.isoformat(), certificate=shown.names)

    def of_server(self) -> grpc.ServerCredentials:
        """Of a server that lets nobody in without a certificate of the authority; every handshake has what the folder then holds."""

        def configuration(shown: Shown) -> grpc.ServerCertificateConfiguration:
            return grpc.ssl_server_certificate_configuration([(shown.key, shown.chain)], root_certificates=shown.authorities)

        given = self.now()

        def fetch() -> Any:
            """None, which the declaration of gRPC forgets, says that nothing has changed."""
            nonlocal given
            shown = self.now()
            if shown is given:
                return None
            given = shown
            return configuration(shown)

        return grpc.dynamic_ssl_server_credentials(configuration(given), fetch, require_client_authentication=True)


def of_client(shown: Shown) -> grpc.ChannelCredentials:
    return grpc.ssl_channel_credentials(shown.authorities, shown.key, shown.chain)
