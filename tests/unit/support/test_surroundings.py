"""The developer's environment does not reach the tests."""

from __future__ import annotations

import os

from tests.support import surroundings


def test_settings_of_the_product_are_cleared_and_those_of_the_suite_kept() -> None:
    environment = {
        "ANJU_PORT": "8080",
        "ANJU_CASEWORK_ADDRESS": "x",
        "TEMPORAL_ADDRESS": "cluster:7233",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318",
        "PGHOST": "elsewhere",
        "HTTPS_PROXY": "http://proxy:3128",
        "ANJU_CHROMIUM": "/usr/bin/chromium",
        "ANJU_TEST_SEED": "7",
        "PATH": "/usr/bin",
    }
    surroundings.clear(environment)
    assert environment == {"ANJU_CHROMIUM": "/usr/bin/chromium", "ANJU_TEST_SEED": "7", "PATH": "/usr/bin"}


def test_this_run_has_clean_surroundings() -> None:
    before = dict(os.environ)
    after = dict(before)
    surroundings.clear(after)
    assert before == after
    assert os.environ[surroundings.SEED]


def test_a_seed_is_kept_or_made() -> None:
    assert surroundings.choose_seed({surroundings.SEED: "563206073"}) == 563206073
    environment: dict[str, str] = {}
    seed = surroundings.choose_seed(environment)
    assert environment == {surroundings.SEED: str(seed)}
