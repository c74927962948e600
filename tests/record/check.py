"""Reads recordings with the mcap library from PyPI: whole ones by their index, killed ones as a stream.

    check.py PROGRAM
"""

import base64
import io
import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

import jsonschema
import numpy
from mcap.exceptions import EndOfFile, InvalidMagic
from mcap.reader import NonSeekingReader, make_reader
from mcap.records import Chunk, Message
from mcap.stream_reader import StreamReader, breakup_chunk
from PIL import Image
from pycocotools import mask as coco

PROGRAM = str(pathlib.Path(sys.argv[1]).resolve())
SCRIPT = '{"time_s":0.1,"object":1,"points":[[320,240,1]]}\n{"time_s":0.3,"object":2,"points":[[160,240,1]]}\n'


def foveate(folder, *arguments):
    ran = subprocess.run([PROGRAM, *arguments], cwd=folder, capture_output=True, text=True)
    assert ran.returncode == 0, f"{arguments}: {ran.returncode}\n{ran.stderr}"
    return ran.stdout


def make_frames(folder, count):
    """A textured disc that moves over a textured ground."""
    (folder / "frames").mkdir()
    random = numpy.random.default_rng(1)
    ground = random.integers(0, 80, (480, 640, 3), dtype=numpy.uint8)
    disc = random.integers(120, 255, (480, 640, 3), dtype=numpy.uint8)
    y, x = numpy.mgrid[:480, :640]
    for n in range(count):
        inside = (x - 320 - 3 * n) ** 2 + (y - 240) ** 2 < 70**2
        Image.fromarray(numpy.where(inside[..., None], disc, ground)).save(folder / "frames" / f"{n:03}.png")


def whole(folder):
    """Every message is as its schema says; images and masks are those of the run's other outputs."""
    make_frames(folder, 12)
    (folder / "prompts.ndjson").write_text(SCRIPT)
    run = ["--source", "files:frames", "--fps", "24", "--prompt", "script:prompts.ndjson", "--sink", "ndjson:run.ndjson"]
    foveate(folder, "record", "--out", "run.mcap", *run)
    lines = [json.loads(line) for line in (folder / "run.ndjson").read_text().splitlines()]
    frames = {line["frame"]: line for line in lines if line["type"] == "frame"}
    events = [line for line in lines if line["type"] == "event"]
    with (folder / "run.mcap").open("rb") as file:
        reader = make_reader(file, validate_crcs=True)
        assert reader.get_header().profile == "foveate"
        summary = reader.get_summary()
        counts = {summary.channels[id].topic: n for id, n in summary.statistics.channel_message_counts.items()}
        messages = list(reader.iter_messages())
    assert sum(counts.values()) == len(messages), counts
    seen = {"/camera/image": 0, "/foveate/selections": 0, "/foveate/event": 0}
    for schema, channel, message in messages:
        value = json.loads(message.data)
        jsonschema.validate(value, json.loads(schema.data))
        seen[channel.topic] = seen.get(channel.topic, 0) + 1
        if channel.topic == "/camera/image":
            pixels = numpy.asarray(Image.open(io.BytesIO(base64.b64decode(value["data"]))))
            original = numpy.asarray(Image.open(folder / "frames" / f"{message.sequence:03}.png"))
            assert value["format"] == "png" and (pixels == original).all(), message.sequence
        elif channel.topic == "/foveate/selections":
            line = frames[value["frame"]]
            assert value["objects"] == line["objects"], value["frame"]
            for found in value["objects"]:
                if found["rle"]:
                    assert coco.decode(found["rle"]).sum() == found["area"]
        elif channel.topic == "/foveate/event":
            assert any(all(line[key] == value[key] for key in value) for line in events), value
    assert seen["/camera/image"] == seen["/foveate/step"] == seen["/foveate/selections"] == len(frames) == 12, seen
    assert seen["/foveate/session"] == seen["/foveate/summary"] == 1 and seen["/foveate/event"] == len(events), seen
    outcome = json.loads(foveate(folder, "replay", "run.mcap", "--json"))
    assert (outcome["compared"], outcome["differing"]) == (12, 0), outcome
    print(f"whole: {len(messages)} messages on {len(seen)} channels, replayed to the same selections")


def times_of_steps(path):
    """Times of the frames in a file without an end, read as a stream."""
    times = []
    with path.open("rb") as file:
        try:
            for record in StreamReader(file, emit_chunks=True).records:
                if isinstance(record, Chunk):
                    messages = [part for part in breakup_chunk(record, validate_crc=True) if isinstance(part, Message)]
                    steps = (json.loads(part.data) for part in messages)
                    times += [step["time_s"] for step in steps if "captured_ns" in step]
        except (EndOfFile, InvalidMagic, Exception) as cut:  # the library has no one name for a file that breaks off
            reason = type(cut).__name__
        else:
            reason = "nothing"
    return times, reason


def killed(folder):
    """A killed recorder's file is read up to its last chunk by the stream reader."""
    (folder / "prompts.ndjson").write_text(SCRIPT)
    run = ["record", "--out", "run.mcap", "--source", "scene:5", "--prompt", "script:prompts.ndjson", "--sink", "ndjson:run.ndjson"]
    recorder = subprocess.Popen([PROGRAM, *run], cwd=folder, stderr=subprocess.DEVNULL)
    lines = folder / "run.ndjson"
    for _ in range(2000):
        if lines.exists() and lines.read_text().count('"type":"frame"') > 40:
            break
        time.sleep(0.01)
    recorder.send_signal(signal.SIGKILL)
    recorder.wait()
    out = [json.loads(line) for line in lines.read_text().splitlines() if line.startswith("{") and line.endswith("}")]
    last = max(line["time_s"] for line in out if line["type"] == "frame")
    times, reason = times_of_steps(folder / "run.mcap")
    assert times and last - max(times) <= 1.0, (last, times[-3:])
    with (folder / "run.mcap").open("rb") as file:
        read = 0
        try:
            for _ in NonSeekingReader(file).iter_messages(log_time_order=False):
                read += 1
        except Exception as cut:
            reason = type(cut).__name__
    outcome = json.loads(foveate(folder, "replay", "run.mcap", "--json"))
    assert outcome["is_cut"] and outcome["differing"] == 0, outcome
    print(f"killed: {len(times)} frames until {last - max(times):.2f} s before its end, {read} messages, then {reason}")


for check in (whole, killed):
    with tempfile.TemporaryDirectory() as folder:
        check(pathlib.Path(folder))
