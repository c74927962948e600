"""Packets of Pupil Labs' real-time API with the values that the maker's own client reads in them.

Writes packets.json: the packets are made here from fixed numbers, the values are what the client's own functions decode. Run
it with pupil-labs-realtime-api installed (tests/gaze/requirements.txt); --check compares with the committed file instead.
"""

import json
import random
import struct
import sys
from pathlib import Path

from aiortsp.rtcp.parser import RTCP, SDES, SR
from dpkt.rtp import RTP
from pupil_labs.realtime_api.streaming import gaze
from pupil_labs.realtime_api.streaming.base import RTSPData, _WallclockRTSPReader

GOLDEN = Path(__file__).with_name("packets.json")
RATE = 90_000
PAYLOAD_TYPE = 99

# By length, as the client tells them apart; the number of floats behind the byte that says whether the glasses are worn.
LAYOUTS = {
    9: (gaze.GazeData, 0),
    17: (gaze.DualMonocularGazeData, 2),
    25: (gaze.BinoAndDualMonoGazeData, 4),
    65: (gaze.EyestateGazeData, 14),
    89: (gaze.EyestateEyelidGazeData, 20),
    105: (gaze.EyestateEyelidDualMonoGazeData, 24),
}


class Reader(_WallclockRTSPReader):
    """The client's reader without a connection: its description of the stream is ours."""

    def __init__(self):
        self._relative_to_ntp_clock_offset = None

    def get_rtpmap(self):
        return {"clockRate": RATE}


def payload(numbers, more, worn):
    x, y = numbers.uniform(-50, 1650), numbers.uniform(-50, 1250)
    rest = [numbers.uniform(-100, 1700) for _ in range(more)]
    return struct.pack(f"!ffB{more}f", x, y, worn, *rest)


def rtp(data, sequence, timestamp):
    packet = RTP(version=2, pt=PAYLOAD_TYPE, seq=sequence, ts=timestamp, ssrc=0x12345678)
    packet.data = data
    return bytes(packet)


def rtcp(unix_seconds, timestamp):
    report = SR(ssrc=0x12345678, ntp=unix_seconds, ts=timestamp, pkt_count=7, byte_count=700)
    return bytes(RTCP([report, SDES([(0x12345678, [(SDES.CNAME, b"neon")])])]))


def decode(report, packet):
    """What the client reads."""
    reader = Reader()
    reader.handle_rtcp(RTCP.unpack(report))
    parsed = RTP(packet)
    seconds = reader.absolute_timestamp_from_packet(parsed)
    cls, _ = LAYOUTS[len(parsed.data)]
    datum = cls.from_raw(RTSPData(parsed.data, seconds))
    if cls is gaze.DualMonocularGazeData:
        points = [[datum.left.x, datum.left.y], [datum.right.x, datum.right.y]]
    else:
        points = [[datum.x, datum.y]]
    return {"points": points, "worn": datum.worn, "unix_seconds": datum.timestamp_unix_seconds}


def cases():
    numbers = random.Random(6)
    for length, (_, more) in LAYOUTS.items():
        for worn in (255, 0, 1):
            data = payload(numbers, more, worn)
            assert len(data) == length
            begin = numbers.randrange(1 << 30)
            report = rtcp(1_760_676_790 + numbers.random() * 1000, begin)
            packet = rtp(data, numbers.randrange(1 << 16), begin + numbers.randrange(-RATE, 60 * RATE))
            yield {"rtcp": report.hex(), "rtp": packet.hex(), **decode(report, packet)}


def main():
    made = {"rate": RATE, "payload_type": PAYLOAD_TYPE, "cases": list(cases())}
    if "--check" in sys.argv:
        committed = json.loads(GOLDEN.read_text())
        assert committed == made, "packets.json is not what this client reads"
        print(f"{len(made['cases'])} packets: the client reads what packets.json says")
    else:
        GOLDEN.write_text(json.dumps(made, indent=1) + "\n")


if __name__ == "__main__":
    main()
