"""foveate against ONNX Runtime: the same ONNX files, the same number of threads, taking turns.

    python benches/compare/compare.py --foveate target/release/foveate --model foveate [--record]
    python benches/compare/compare.py --onnx encoders/*.onnx

needs onnxruntime and numpy (`pip install -r benches/compare/requirements.txt`). Each round times foveate, then ONNX
Runtime, so that whatever else the machine does falls on both; a round's ratio is foveate's median over ONNX Runtime's, and
the spread is over rounds. Below 1, foveate is faster.

Each file is run as it is (`f32`), without Winograd's way of 3x3 convolutions (`plain`), and quantised (`int8`): the model's
int8 files, or with --onnx the file NAME.int8.onnx that `foveate quantize` has made of NAME.onnx. ONNX Runtime always runs
the float file. `of plain` is int8's time over plain's. With --rten the float file is run on the crate rten as well, a
second engine in Rust: its row has rten's time in foveate's place. With --openvino, on OpenVINO likewise.

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
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=7, help="turns that each side takes")
    parser.add_argument("--runs", type=int, default=30, help="runs in a turn, after a warm-up")
    parser.add_argument("--rten", type=Path, help="the built program of benches/compare/rten")
    parser.add_argument("--openvino", action="store_true", help="also run the float files on OpenVINO")
    parser.add_argument("--only", choices=["f32", "plain", "int8"], help="run foveate in this way alone")
    parser.add_argument("--record", action="store_true", help="write benches/records/DATE-compare-MODEL.json")
    return parser.parse_args()


def model_entry(models_dir, name):
    models = tomllib.loads((models_dir / "manifest.toml").read_text())["model"]
    entry = next((m for m in models if name in (None, m["name"])), None)
    if entry is None:
        sys.exit(f"no model `{name}` in {models_dir}/manifest.toml: there are {', '.join(m['name'] for m in models)}")
    return entry


def time_foveate(args, way, threads):
    """The report of `foveate bench` on a way of running a subject, its parts by name."""
    subject, environment = way
    command = [args.foveate, "bench", *subject, "--threads", threads, "--runs", args.runs, "--json"]
    environment = {**os.environ, **environment}
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, env=environment)
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


def time_rten(args, path, rival, threads):
    """The median milliseconds of a run on rten, with inputs of the same shapes as `rival`'s."""
    shapes = ["x".join(map(str, value.shape)) for value in rival.inputs.values()]
    command = [args.rten, path, threads, args.runs, *shapes]
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"`{' '.join(map(str, command))}` failed:\n{done.stderr}")
    return float(done.stdout)


def openvino_of(path, rival, threads):
    """A function that gives the median milliseconds of a run on OpenVINO, with `rival`'s inputs and number of outputs."""
    import openvino

    core = openvino.Core()
    settings = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32", "NUM_STREAMS": 1}
    model = core.read_model(str(path))
    model.reshape({name: value.shape for name, value in rival.inputs.items()})
    request = core.compile_model(model, "CPU", settings).create_infer_request()
    for name, value in rival.inputs.items():
        request.set_tensor(name, openvino.Tensor(value))

    def median_ms(runs):
        times = []
        for run in range(runs + 3):
            start = time.perf_counter()
            request.infer()
            times.append((time.perf_counter() - start) * 1e3)
        return statistics.median(times[3:])

    return median_ms


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


def compare(args, name, ways, parts):
    """Prints and returns the ratios of the `ways` of running a subject: `parts` has a file and its signature by part."""
    results = []
    for threads in args.threads:
        rivals = {part: OnnxRuntime(path, threads, *given) for part, (path, given) in parts.items()}
        ours = {(way, part): [] for way in ways for part in rivals}
        theirs, bench = {part: [] for part in rivals}, {}
        # rten takes shapes that are fixed by its inputs, all of floats.
        on_rten = [p for p in rivals if args.rten and all(v.dtype == np.float32 for v in rivals[p].inputs.values())]
        ours |= {("rten", part): [] for part in on_rten}
        vino = {p: openvino_of(parts[p][0], rivals[p], threads) for p in rivals} if args.openvino else {}
        ours |= {("openvino", part): [] for part in vino}
        for _ in range(args.rounds):
            for way in ways:
                bench[way] = time_foveate(args, ways[way], threads)
                for part in rivals:
                    ours[way, part].append(bench[way][part]["median_ms"])
            for part, rival in rivals.items():
                theirs[part].append(rival.median_ms(args.runs))
                if part in on_rten:
                    ours["rten", part].append(time_rten(args, parts[part][0], rival, threads))
                if part in vino:
                    ours["openvino", part].append(vino[part](args.runs))
        for (way, part), times in ours.items():
            ratio = spread([a / b for a, b in zip(times, theirs[part])])
            result = {
                "subject": name,
                "part": part,
                "way": way,
                "threads": threads,
                "ms": spread(times),
                "onnxruntime_ms": spread(theirs[part]),
                "ratio": ratio,
            }
            if way in bench:
                result |= {key: bench[way][part][key] for key in ("macs", "int8_macs", "kernels")}
            of_plain = ""
            if way == "int8" and ("plain", part) in ours:
                result["of_plain"] = spread([a / b for a, b in zip(times, ours["plain", part])])
                of_plain = f"{result['of_plain']['median']:>9.2f}"
            results.append(result)
            print(
                f"{name:24} {part:8} {way:6} {threads:>7} {result['ms']['median']:>11.2f}"
                f" {result['onnxruntime_ms']['median']:>10.2f}"
                f" {ratio['median']:>6.2f}  {ratio['min']:>5.2f} {ratio['max']:>5.2f}{of_plain}",
                flush=True,
            )
    return results


def ways_of(args, float_subject, int8_subject):
    """How a subject is run: command line and environment by way."""
    ways = {"f32": (float_subject, {}), "plain": (float_subject, {"FOVEATE_WINOGRAD": "0"})}
    ways |= {"int8": (int8_subject, {})} if int8_subject else {}
    return {way: ways[way] for way in ways if args.only in (None, way)}


def main():
    args = arguments()
    print(f"{args.rounds} rounds of {args.runs} runs")
    head = f"{'foveate ms':>11} {'onnxrt ms':>10} {'ratio':>6}  {'min':>5} {'max':>5} of plain"
    print(f"{'':40} {'threads':>7} {head}")
    if args.onnx:
        results = []
        for path in args.onnx:
            if path.suffixes[-2:] == [".int8", ".onnx"]:
                continue
            quantized = path.with_suffix(".int8.onnx")
            ways = ways_of(args, ["--onnx", path], ["--onnx", quantized] if quantized.exists() else None)
            results += compare(args, path.stem, ways, {"graph": (path, ({}, {}, None))})
        record_name = args.onnx[0].resolve().parent.name
    else:
        entry = model_entry(args.models_dir, args.model)
        files = entry["files"].get("f32") or next(iter(entry["files"].values()))
        parts = {part: (args.models_dir / files[part]["path"], given) for part, given in signature(entry).items()}
        subject = ["--model", entry["name"], "--models-dir", args.models_dir]
        quantized = [*subject, "--precision", "int8"] if "int8" in entry["files"] else None
        results = compare(args, entry["name"], ways_of(args, [*subject, "--precision", "f32"], quantized), parts)
        record_name = entry["name"]
    if args.record:
        now = datetime.datetime.now(datetime.timezone.utc)
        record = {
            "date": now.isoformat(timespec="seconds"),
            "cpu": cpu(),
            "cores": os.cpu_count(),
            "load_average": os.getloadavg(),
            "onnxruntime": onnxruntime.__version__,
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
