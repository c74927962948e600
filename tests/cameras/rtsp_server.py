"""GStreamer's RTSP server on a port of this machine: `rtsp_server.py PORT WIDTHxHEIGHT` serves H.264 at /live."""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

port, size = sys.argv[1], sys.argv[2]
width, height = size.split("x")
Gst.init(None)
server = GstRtspServer.RTSPServer.new()
server.set_address("127.0.0.1")
server.set_service(port)
factory = GstRtspServer.RTSPMediaFactory.new()
encode = "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=15 ! rtph264pay"
picture = f"videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width={width},height={height},framerate=30/1"
factory.set_launch(f"( {picture} ! {encode} name=pay0 pt=96 )")
server.get_mount_points().add_factory("/live", factory)
server.attach(None)
print("ready", flush=True)
GLib.MainLoop().run()
