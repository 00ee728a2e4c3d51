"""`python -m b2pure` and the `b2pure` command."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line, if the library that parses it is installed."""
    try:
        from b2pure.shell.cli import run
    except ModuleNotFoundError as missing:
        if missing.name not in ("click", "tqdm"):
            raise
        sys.exit(f"b2pure: the command line needs {missing.name}; install it with: pip install 'b2pure[cli]'")
    except KeyboardInterrupt:
        sys.exit("b2pure: interrupted before anything was done")
    run()


if __name__ == "__main__":
    main()
