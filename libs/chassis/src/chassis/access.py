"""Who may call what: the line ``option (anju.common.v1.access)`` at every rpc, as the server reads it before the rpc is served (protos/anju/common/v1/access.proto).

It decides by method and caller; what a caller may see of one object is decided afterwards, by the service that owns the object.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from google.protobuf import descriptor_pool
from google.protobuf.descriptor import Descriptor, MethodDescriptor, ServiceDescriptor

from chassis.errors import NOT_ALLOWED, Refusal
from chassis.identity import Caller, Passport

_ACCESS: Final = "anju.common.v1.access"
_PROCESS: Final = "anju.common.v1.process"
# Staff with any duty or none.
ANY_DUTY: Final = "*"


class NoAccessLineError(Exception):
    """An rpc says of nobody that he may call it; its server does not start."""

    def __init__(self, method: str) -> None:
        super().__init__(
            f"{method} has no access line, and nobody may call what says nothing: add `option (anju.common.v1.access) = {{…}};` to the rpc in its"
            " .proto, then `make protos docs` (CONTRIBUTING.md, To add an rpc)"
        )


@dataclass(frozen=True)
class Access:
    """The line of one rpc."""

    writes: bool
    open: bool
    citizens: bool
    staff: tuple[str, ...]
    processes: tuple[str, ...]
    carriers: tuple[str, ...]
    assisted: bool = False

    def allows(self, caller: Caller) -> bool:
        if self.open:
            return True
        match caller.kind:
            case "citizen":
                return self.citizens and (self.assisted or not caller.assistance)
            case "staff":
                return ANY_DUTY in self.staff or caller.has_role(*self.staff)
            case "system":
                return caller.has_role(*self.processes)

    def check(self, passport: Passport) -> None:
        """Raises Refusal(NOT_ALLOWED)."""
        carried = not passport.carrier or passport.carrier in self.carriers
        if passport.writes != self.writes or not carried or not self.allows(passport.caller):
            raise Refusal(NOT_ALLOWED)


def _extension(name: str) -> Any:
    # By name: the runtime has no business word in it, and whoever has an rpc with the line has loaded it.
    return descriptor_pool.Default().FindExtensionByName(name)


def service_named(name: str) -> ServiceDescriptor:
    """Raises KeyError for a service whose stubs are not loaded."""
    found: ServiceDescriptor = descriptor_pool.Default().FindServiceByName(name)
    return found


def path(method: MethodDescriptor) -> str:
    """As it stands in the call."""
    return f"/{method.containing_service.full_name}/{method.name}"


@cache
def access(method: MethodDescriptor) -> Access:
    """Raises NoAccessLineError."""
    try:
        extension = _extension(_ACCESS)
        known = method.GetOptions().HasExtension(extension)
    except KeyError:
        known = False
    if not known:
        raise NoAccessLineError(method.full_name)
    line = method.GetOptions().Extensions[extension]
    return Access(line.writes, line.open, line.citizens, tuple(line.staff), tuple(line.processes), tuple(line.carriers), line.assisted)


def table(service: ServiceDescriptor) -> dict[str, Access]:
    """The lines of a service, by the path of the method. Raises NoAccessLineError."""
    return {path(method): access(method) for method in methods(service)}


def methods(service: ServiceDescriptor) -> Iterator[MethodDescriptor]:
    yield from service.methods


def process_of(service: ServiceDescriptor) -> str:
    """The process that speaks the service; empty for one which several do."""
    try:
        return str(service.GetOptions().Extensions[_extension(_PROCESS)])
    except KeyError:
        return ""


def audience(service: ServiceDescriptor) -> str:
    """Whom a token for the service names; one which several processes speak has to be told which."""
    return process_of(service) or str(service.full_name)


@cache
def asked_with(message: Descriptor) -> MethodDescriptor:
    """The rpc whose request the message is; every request belongs to one (buf lint, RPC_REQUEST_RESPONSE_UNIQUE). Raises KeyError for none."""
    for service in message.file.services_by_name.values():
        for method in methods(service):
            if method.input_type.full_name == message.full_name:
                found: MethodDescriptor = method
                return found
    raise KeyError(message.full_name)
