"""GStreamer's RTSP server on a port of this machine, at /live: `rtsp_server.py PORT WIDTHxHEIGHT` serves H.264; `rtsp_server.py
PORT record` takes a stream, and says of each of its pictures when it was there, its size, and the colours of eight columns."""

import sys
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

COLUMNS = 8


def serve(factory, size):
    width, height = size.split("x")
    encode = "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=15 ! rtph264pay"
    picture = f"videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width={width},height={height},framerate=30/1"
    factory.set_launch(f"( {picture} ! {encode} name=pay0 pt=96 )")


def record(factory):
    factory.set_transport_mode(GstRtspServer.RTSPTransportMode.RECORD)
    factory.set_latency(0)
    factory.set_launch("( decodebin name=depay0 ! videoconvert ! video/x-raw,format=RGB ! appsink name=sink sync=false )")
    factory.connect("media-configure", listen)


def listen(_factory, media):
    sink = media.get_element().get_by_name("sink")
    sink.set_property("emit-signals", True)
    sink.connect("new-sample", tell)


def tell(sink):
    now = time.monotonic_ns()
    sample = sink.emit("pull-sample")
    caps = sample.get_caps().get_structure(0)
    width, height = caps.get_value("width"), caps.get_value("height")
    buffer = sample.get_buffer()
    row = (3 * width + 3) // 4 * 4
    middle = buffer.extract_dup(height // 2 * row, 3 * width)
    levels = []
    for column in range(COLUMNS):
        at = 3 * ((2 * column + 1) * width // (2 * COLUMNS))
        levels += middle[at : at + 3]
    print("picture", now, f"{width}x{height}", *levels, flush=True)
    return Gst.FlowReturn.OK


port, mode = sys.argv[1], sys.argv[2]
Gst.init(None)
server = GstRtspServer.RTSPServer.new()
server.set_address("127.0.0.1")
server.set_service(port)
factory = GstRtspServer.RTSPMediaFactory.new()
if mode == "record":
    record(factory)
else:
    serve(factory, mode)
server.get_mount_points().add_factory("/live", factory)
server.attach(None)
print("ready", flush=True)
GLib.MainLoop().run()
