"""A phone that streams gaze as Pupil Labs' real-time API describes it: HTTP for status, RTSP, RTP and RTCP by UDP.

Every measurement is different, so that two listeners can tell which ones both have heard: x counts up, y follows from it. The
layouts of all lengths take turns.
"""

import json
import socket
import socketserver
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

RATE = 90_000
NTP_TO_UNIX = 2_208_988_800
MORE_FLOATS = [0, 2, 4, 14, 20, 24]


def measurement(i):
    """Payload of the i-th measurement."""
    more = MORE_FLOATS[i % len(MORE_FLOATS)]
    rest = [i + 0.25 * k for k in range(more)]
    return struct.pack(f"!ffB{more}f", i * 0.125, (i * 7 % 1200) + 0.5, 255 if i % 10 else 0, *rest)


def status(host, rtsp_port):
    def sensor(name):
        return {
            "model": "Sensor",
            "data": {
                "sensor": name,
                "conn_type": "DIRECT",
                "connected": True,
                "ip": host,
                "port": rtsp_port,
                "protocol": "rtsp",
                "params": f"camera={name}",
                "stream_error": False,
            },
        }

    phone = {
        "ip": host,
        "device_id": "1",
        "device_name": "test",
        "battery_level": 90,
        "battery_state": "OK",
        "memory": 1 << 30,
        "memory_state": "OK",
    }
    hardware = {"version": "2.0", "glasses_serial": "-1", "world_camera_serial": "-1", "module_serial": "123456"}
    parts = [{"model": "Phone", "data": phone}, {"model": "Hardware", "data": hardware}, sensor("world"), sensor("gaze")]
    return {"message": "Success", "result": parts}


class Streams:
    """Sends the same packets to all who play."""

    def __init__(self):
        self.listeners = {}
        self.lock = threading.Lock()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        i = 0
        while True:
            now = time.time()
            timestamp = int(now * RATE) & 0xFFFFFFFF
            if i % 20 == 0:
                seconds, fraction = int(now) + NTP_TO_UNIX, int(now % 1 * 2**32)
                self.send(1, struct.pack("!BBHIIIIII", 0x80, 200, 6, 7, seconds, fraction, timestamp, i, i * 9))
            self.send(0, struct.pack("!BBHII", 0x80, 99, i & 0xFFFF, timestamp, 7) + measurement(i))
            i += 1
            time.sleep(0.005)

    def send(self, control, packet):
        with self.lock:
            for host, port in self.listeners.values():
                self.socket.sendto(packet, (host, port + control))


STREAMS = Streams()


class Rtsp(socketserver.StreamRequestHandler):
    def handle(self):
        address = "%s:%d" % self.server.server_address
        port = None
        try:
            while lines := self.head():
                method = lines[0].split()[0]
                headers = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in lines[1:])}
                more, body = "", ""
                if method == "OPTIONS":
                    more = "Public: OPTIONS,DESCRIBE,SETUP,TEARDOWN,PLAY\r\n"
                elif method == "DESCRIBE":
                    more = f"Content-Base: rtsp://{address}/\r\nContent-Type: application/sdp\r\n"
                    body = (
                        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=Unnamed\r\nt=0 0\r\n"
                        f"m=video 0 RTP/AVP 99\r\na=rtpmap:99 com.pupillabs.gaze1/{RATE}\r\na=control:trackID=1\r\n"
                    )
                elif method == "SETUP":
                    port = int(headers["transport"].split("client_port=")[1].split("-")[0])
                    more = f"Session: 1185d20035702ca\r\nTransport: {headers['transport']}\r\n"
                elif method == "PLAY":
                    with STREAMS.lock:
                        STREAMS.listeners[id(self)] = (self.client_address[0], port)
                length = f"Content-Length: {len(body)}\r\n" if body else ""
                self.wfile.write(f"RTSP/1.0 200 OK\r\nCSeq: {headers['cseq']}\r\n{more}{length}\r\n{body}".encode())
                if method == "TEARDOWN":
                    return
        finally:
            with STREAMS.lock:
                STREAMS.listeners.pop(id(self), None)

    def head(self):
        lines = []
        while line := self.rfile.readline().decode().strip():
            lines.append(line)
        return lines


class Http(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path != "/api/status":
            return self.send_error(404)
        body = json.dumps(status("127.0.0.1", self.server.rtsp_port)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


def start():
    """Serves on free ports; returns that of HTTP."""
    rtsp = Server(("127.0.0.1", 0), Rtsp)
    http = ThreadingHTTPServer(("127.0.0.1", 0), Http)
    http.daemon_threads = True
    http.rtsp_port = rtsp.server_address[1]
    for server in (rtsp, http):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    return http.server_address[1]
