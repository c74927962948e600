#!/usr/bin/env bash
# Installs what `make test-cameras` needs where it is lacking, and says so: ffmpeg, and GStreamer's RTSP server.
set -euo pipefail
. "$(dirname "$0")/common.sh"

need ffmpeg=ffmpeg ffprobe=ffmpeg pgrep=procps
server='import gi; gi.require_version("GstRtspServer", "1.0"); from gi.repository import Gst; Gst.init(None); Gst.ElementFactory.make("x264enc").name'
/usr/bin/python3 -c "$server" 2>/dev/null || install_packages python3-gi gir1.2-gst-rtsp-server-1.0 \
    gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-ugly
/usr/bin/python3 -c "${server/x264enc/avdec_h264}" 2>/dev/null || install_packages gstreamer1.0-libav
# A pipeline with few pictures to spare.
/usr/bin/python3 -c "${server/x264enc/shmsink}" 2>/dev/null || install_packages gstreamer1.0-plugins-bad
# To build the sources that are pipelines.
pkg-config --exists gstreamer-app-1.0 gstreamer-video-1.0 2>/dev/null ||
    install_packages pkg-config libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev
