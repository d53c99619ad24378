"""Programs that tests need and that may be missing; npm packages that are installed for them."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

import pytest


def missing(why: str) -> NoReturn:
    """Fail where it was promised (CI), and say loudly elsewhere that nothing was tested."""
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)


def from_pip(program: str, package: str) -> str:
    """Return where a program is that pip installs beside Python, or that is on the path."""
    beside = Path(sys.executable).with_name(program)
    found = str(beside) if beside.exists() else shutil.which(program)
    if found is None:
        missing(f"the program `{program}` is missing: pip install {package}")
    return found


def from_npm(package: str, version: str) -> Path:
    """Return a folder with an npm package in its ``node_modules``, installing it the first time."""
    name = package.rpartition("/")[2]
    folder = Path(tempfile.gettempdir()) / f"closeloop-{os.getuid()}" / f"{name}-{version}"
    if not shutil.which("node") or not shutil.which("npm"):
        missing(f"{package} needs node and npm")
    if not (folder / "node_modules" / package / "package.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder)]
        done = subprocess.run(
            [*command, f"{package}@{version}"],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if done.returncode != 0:
            missing(f"npm install {package}: {done.stderr[-500:]}")
    return folder
