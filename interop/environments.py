"""The clients' virtual environments, in `.interop/` of the checkout, made once for every set of pins."""

from __future__ import annotations

import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Final

CHECKOUT: Final = Path(__file__).resolve().parent.parent
ROOT: Final = CHECKOUT / ".interop"
PINS: Final = CHECKOUT / "interop" / "pins"


def environment(client: str, root: Path = ROOT) -> Path:
    """The folder of a client's programs; installs them below `root` if these pins are not installed yet."""
    pins, folder = PINS / f"{client}.txt", root / client
    stamp = folder / f".installed-{_fingerprint(pins)}"
    programs = folder / ("Scripts" if sys.platform == "win32" else "bin")
    if stamp.exists():
        return programs
    print(f"installing {client} into {folder}", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    install = ["-m", "pip", "install", "-qq", "--disable-pip-version-check", "-r", str(pins)]
    subprocess.run([str(programs / "python"), *install], check=True)
    stamp.touch()
    return programs


def _fingerprint(pins: Path) -> str:
    return sha256(pins.read_bytes() + sys.version.encode()).hexdigest()[:16]
