"""foveate against ONNX Runtime: the same ONNX files, the same number of threads, taking turns.

    python benches/compare/compare.py --foveate target/release/foveate --model foveate [--record]
    python benches/compare/compare.py --onnx encoders/*.onnx

needs onnxruntime and numpy (`pip install -r benches/compare/requirements.txt`). Each round times foveate, then ONNX
Runtime, so that whatever else the machine does falls on both; a round's ratio is foveate's median over ONNX Runtime's, and
the spread is over rounds. Below 1, foveate is faster.

foveate's encoder time includes scaling and normalising the frame; ONNX Runtime is given the finished tensor. With --onnx
both are given the finished tensor; `encoders.py` makes files of well-known encoders.
"""

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import numpy as np
import onnxruntime

ROOT = Path(__file__).resolve().parents[2]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--foveate", type=Path, default=ROOT / "target/release/foveate", help="the built binary")
    parser.add_argument("--models-dir", type=Path, default=ROOT / "models", help="folder with manifest.toml")
    parser.add_argument("--model", help="name in the manifest (default: its first)")
    parser.add_argument("--onnx", type=Path, nargs="+", help="files of one image input to compare instead of a model")
    parser.add_argument("--precision", default="f32", choices=["f32", "f16"], help="foveate's; ONNX Runtime reads the f32 files")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=7, help="turns that each side takes")
    parser.add_argument("--runs", type=int, default=30, help="runs in a turn, after a warm-up")
    parser.add_argument("--record", action="store_true", help="write benches/records/DATE-compare-MODEL.json")
    return parser.parse_args()


def model_entry(models_dir, name):
    models = tomllib.loads((models_dir / "manifest.toml").read_text())["model"]
    entry = next((m for m in models if name in (None, m["name"])), None)
    if entry is None:
        sys.exit(f"no model `{name}` in {models_dir}/manifest.toml: there are {', '.join(m['name'] for m in models)}")
    return entry


def time_foveate(args, subject, threads):
    """The report of `foveate bench`, its parts by name."""
    command = [args.foveate, "bench", *subject, "--precision", args.precision]
    command += ["--threads", threads, "--runs", args.runs, "--json"]
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"`{' '.join(map(str, command))}` failed:\n{done.stderr}")
    report = json.loads(done.stdout)
    return {part: report[part] for part in ("encoder", "decoder", "graph") if part in report}


class OnnxRuntime:
    """One graph; dimensions that the file leaves open are filled from the input size."""

    def __init__(self, path, threads, shapes, values, outputs):
        self.outputs = outputs
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        rng = np.random.default_rng(0)
        self.inputs = {}
        for tensor in self.session.get_inputs():
            declared = [d if isinstance(d, int) else None for d in tensor.shape]
            shape = [d if d is not None else s for d, s in zip(declared, shapes.get(tensor.name, declared))]
            if None in shape:
                sys.exit(f"{path}: input `{tensor.name}` {tensor.shape} has no known size")
            kind = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(int64)": np.int64}[tensor.type]
            value = values.get(tensor.name)
            self.inputs[tensor.name] = (rng.random(shape) if value is None else np.array(value)).astype(kind)

    def median_ms(self, runs):
        for _ in range(3):
            self.session.run(self.outputs, self.inputs)
        times = []
        for _ in range(runs):
            start = time.perf_counter()
            self.session.run(self.outputs, self.inputs)
            times.append((time.perf_counter() - start) * 1e3)
        return statistics.median(times)


def signature(entry):
    """For encoder and decoder: shapes at the manifest's input size, values that must not be random, outputs (None: all)."""
    width, height = entry["input"]
    image = {"image": (1, 3, height, width)}
    if entry["family"] == "sam":
        # Two points, a click and its padding; the upsampled masks are not computed by foveate either.
        points = {"point_coords": (1, 2, 2), "point_labels": (1, 2)}
        values = {"point_labels": [[1, -1]], "has_mask_input": [0], "orig_im_size": [height, width]}
        return {"encoder": ({}, {}, None), "decoder": (points, values, ["low_res_masks", "iou_predictions"])}
    maps = {
        "embedding": (1, None, height // 8, width // 8),
        "skip": (1, None, height // 4, width // 4),
        "prompt_maps": (1, 3, height // 4, width // 4),
        "mask_input": (1, 1, height // 2, width // 2),
    }
    return {"encoder": (image, {}, None), "decoder": (maps, {}, None)}


def cpu():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next((l.split(":", 1)[1].strip() for l in lines if l.startswith(("model name", "Model"))), platform.machine())
    except OSError:
        return platform.processor() or platform.machine()


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def compare(args, name, subject, parts):
    """Prints and returns the ratios of a `subject` of foveate's: `parts` has a file and its signature by part."""
    results = []
    for threads in args.threads:
        rivals = {part: OnnxRuntime(path, threads, *given) for part, (path, given) in parts.items()}
        ours, theirs, bench = {p: [] for p in rivals}, {p: [] for p in rivals}, None
        for _ in range(args.rounds):
            bench = time_foveate(args, subject, threads)
            for part, rival in rivals.items():
                ours[part].append(bench[part]["median_ms"])
                theirs[part].append(rival.median_ms(args.runs))
        for part in rivals:
            ratio = spread([a / b for a, b in zip(ours[part], theirs[part])])
            result = {
                "subject": name,
                "part": part,
                "threads": threads,
                "foveate_ms": spread(ours[part]),
                "onnxruntime_ms": spread(theirs[part]),
                "ratio": ratio,
                "macs": bench[part]["macs"],
                "kernels": bench[part]["kernels"],
            }
            results.append(result)
            print(
                f"{name:16} {part:8} {threads:>7} {result['foveate_ms']['median']:>11.2f}"
                f" {result['onnxruntime_ms']['median']:>10.2f}"
                f" {ratio['median']:>6.2f}  {ratio['min']:>5.2f} {ratio['max']:>5.2f}",
                flush=True,
            )
    return results


def main():
    args = arguments()
    print(f"{args.precision}, {args.rounds} rounds of {args.runs} runs")
    print(f"{'':25} {'threads':>7} {'foveate ms':>11} {'onnxrt ms':>10} {'ratio':>6}  {'min':>5} {'max':>5}")
    if args.onnx:
        results = []
        for path in args.onnx:
            results += compare(args, path.stem, ["--onnx", path], {"graph": (path, ({}, {}, None))})
        record_name = "encoders"
    else:
        entry = model_entry(args.models_dir, args.model)
        files = entry["files"].get("f32") or next(iter(entry["files"].values()))
        parts = {part: (args.models_dir / files[part]["path"], given) for part, given in signature(entry).items()}
        subject = ["--model", entry["name"], "--models-dir", args.models_dir]
        results = compare(args, entry["name"], subject, parts)
        record_name = entry["name"]
    if args.record:
        now = datetime.datetime.now(datetime.timezone.utc)
        record = {
            "date": now.isoformat(timespec="seconds"),
            "cpu": cpu(),
            "cores": os.cpu_count(),
            "load_average": os.getloadavg(),
            "onnxruntime": onnxruntime.__version__,
            "precision": args.precision,
            "rounds": args.rounds,
            "runs": args.runs,
            "results": results,
        }
        folder = ROOT / "benches/records"
        folder.mkdir(exist_ok=True)
        path = folder / f"{now:%Y-%m-%d}-compare-{record_name}.json"
        path.write_text(json.dumps(record, indent=1) + "\n")
        print(f"written to {path}")


if __name__ == "__main__":
    main()
