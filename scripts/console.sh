#!/usr/bin/env bash
# Installs what the tests of the console's page need: Debian's Chromium and Node, and playwright-core from npm.
set -euo pipefail
. "$(dirname "$0")/common.sh"

need chromium=chromium node=nodejs npm=npm
cd "$(dirname "$0")/../tests/console"
npm ci --silent --no-audit --no-fund
