"""Pupil Labs' own client and foveate listen to the same phone: what both have heard must be the same.

    live.py PROGRAM

PROGRAM is the example `gaze`.
"""

import asyncio
import json
import subprocess
import sys

import phone
from pupil_labs.realtime_api import Device
from pupil_labs.realtime_api.streaming import gaze

SAMPLES = 600
# Offsets of the clock are estimated while samples arrive.
TOLERANCE_S = 0.05


async def by_the_client(port):
    """x to (y, worn, time), as the maker's client reads it."""
    heard = {}
    async with Device("127.0.0.1", port) as device:
        sensor = (await device.get_status()).direct_gaze_sensor()
        async for datum in gaze.receive_gaze_data(sensor.url, run_loop=True):
            if isinstance(datum, gaze.DualMonocularGazeData):
                x, y = (datum.left.x + datum.right.x) / 2, (datum.left.y + datum.right.y) / 2
            else:
                x, y = datum.x, datum.y
            heard[x] = (y, datum.worn, datum.timestamp_unix_seconds)
            if len(heard) == SAMPLES:
                return heard


def by_foveate(process):
    heard = {}
    for line in process.stdout:
        sample = json.loads(line)
        heard[sample["x"]] = (sample["y"], sample["confidence"] == 1, sample["time_ns"] / 1e9)
    assert process.wait() == 0
    return heard


def main():
    port = phone.start()
    command = [sys.argv[1], f"gaze:pupil://127.0.0.1:{port}", str(SAMPLES)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    theirs = asyncio.run(asyncio.wait_for(by_the_client(port), 120))
    ours = by_foveate(process)
    # Our x has been scaled by one, in single precision.
    both = [(theirs[x], ours[x]) for x in theirs.keys() & ours.keys()]
    assert len(both) > SAMPLES // 3, f"only {len(both)} of {len(theirs)} and {len(ours)} were heard by both"
    offsets = [t[2] - o[2] for t, o in both]
    for (t, o) in both:
        assert abs(t[0] - o[0]) < 1e-3 and t[1] == o[1], (t, o)
    spread = max(offsets) - min(offsets)
    assert spread < TOLERANCE_S, f"times differ by up to {spread} s"
    print(f"{len(both)} measurements heard by both are the same; their times agree within {spread * 1e3:.2f} ms")


if __name__ == "__main__":
    main()
