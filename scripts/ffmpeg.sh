#!/usr/bin/env bash
# Installs ffmpeg where it is lacking, and says so.
set -euo pipefail
. "$(dirname "$0")/common.sh"

need ffmpeg=ffmpeg ffprobe=ffmpeg pgrep=procps
