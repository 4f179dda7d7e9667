"""What of the developer's environment reaches the tests: nothing that would change a result."""

from __future__ import annotations

import random
from collections.abc import MutableMapping
from typing import Final

# Settings of the product and of the libraries under it; a proxy would even stand between two parts on this machine.
_FOREIGN: Final = ("ANJU_", "TEMPORAL_", "OTEL_", "PG", "GRPC_")
_PROXIES: Final = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
# Settings of the suite itself.
_OURS: Final = ("ANJU_TEST_", "ANJU_CHROMIUM")
SEED: Final = "ANJU_TEST_SEED"


def clear(environment: MutableMapping[str, str]) -> None:
    """Removes what is not the suite's own. Child processes inherit the rest."""
    for name in list(environment):
        foreign = name.startswith(_FOREIGN) and not name.startswith(_OURS)
        if foreign or name.lower() in _PROXIES:
            del environment[name]


def choose_seed(environment: MutableMapping[str, str]) -> int:
    """The seed of everything tests leave to chance: the given one, else a new one, which parallel workers inherit."""
    given = environment.get(SEED) or str(random.SystemRandom().randrange(1 << 32))
    environment[SEED] = given
    return int(given)
