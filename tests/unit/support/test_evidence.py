"""A failed test's data stays and is named; a good run leaves nothing."""

from __future__ import annotations

import os
import time
from pathlib import Path

from tests.support import evidence


def test_a_good_run_leaves_nothing(tmp_path: Path) -> None:
    with evidence.data_folder(tmp_path) as (folder, _):
        (folder / "box").mkdir()
    assert list(tmp_path.iterdir()) == []


def test_the_data_of_a_failed_run_is_kept_but_not_that_of_all_of_them(tmp_path: Path) -> None:
    kept = []
    for number in range(evidence._RUNS_KEPT + 2):
        with evidence.data_folder(tmp_path) as (folder, failed):
            failed.append(f"tests/faults/test_{number}.py::test_killed")
        kept.append(folder)
        moment = 1_700_000_000 + number
        os.utime(folder / "failed", (moment, moment))
    assert "test_7" in (kept[-1] / "failed").read_text()
    assert not kept[0].exists()
    assert sum(1 for folder in kept if folder.exists()) <= evidence._RUNS_KEPT + 1


def test_the_report_names_the_seed_the_folder_and_the_logs_written_meanwhile(tmp_path: Path) -> None:
    logs = tmp_path / "faults" / "logs"
    logs.mkdir(parents=True)
    for name, text in (("housing.log", "rpc_failed"), ("payments.log", ""), ("casework.log", "long ago")):
        (logs / name).write_text(text)
    began = time.time() - 60
    os.utime(logs / "casework.log", (began - 60, began - 60))
    told = evidence.described(tmp_path, 563206073, began)
    assert "ANJU_TEST_SEED=563206073" in told
    assert str(tmp_path) in told
    assert "faults/logs/housing.log" in told
    assert "payments.log" not in told
    assert "casework.log" not in told
