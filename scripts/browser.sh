#!/usr/bin/env bash
# The tests in a real browser. Where there is none, and this is a Debian with us as root, Chromium is installed first.
# With --if-possible it is no failure that there is none.
set -euo pipefail
cd "$(dirname "$0")/.."

if_possible=
if [ "${1-}" = --if-possible ]; then
    if_possible=1
    shift
fi

have() {
    command -v "$1" >/dev/null 2>&1
}

have_browser() {
    if have chromedriver && { have chromium || have chromium-browser || have google-chrome || have chrome; }; then
        return 0
    fi
    have geckodriver && { have firefox || have firefox-esr; }
}

if ! have_browser; then
    if have apt-get && [ "$(id -u)" = 0 ]; then
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium chromium-driver || true
    fi
fi
if ! have_browser; then
    echo "no browser: install Chromium with chromedriver, or Firefox with geckodriver, and have them on the PATH" >&2
    [ -n "$if_possible" ] && exit 0
    exit 1
fi
B2PURE_BROWSER=required exec .venv/bin/pytest tests/browser "$@"
