"""Makes the graphs of the operators' audit, with what ONNX Runtime answers: tests/operators/*.graphs.

    python tests/operators/generate.py            needs numpy, onnx and onnxruntime

Each module in cases/ holds one group of operators and gives one file. `src/engine/tests/operators.rs` reads the files, runs
every graph on the engine and compares; it also keeps the table docs/operators.md. The same versions of the packages give
the same files: all numbers come from a generator seeded with the graph's own name.

A file is a row of records; a record is a row of blobs, each behind its length in 4 little-endian bytes: a JSON object
(`operator`, `opset`, `tried`, `inputs`, `outputs`, `tolerance`), the ModelProto, then the input and the output
TensorProtos, as many as the object says.
"""

import importlib
import json
import struct
import sys
from pathlib import Path

import onnx
import onnxruntime

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
GROUPS = [
    "elementwise", "activations", "logic", "convolution", "pooling", "resize", "grid_sample", "padding", "reduction",
    "normalization", "arrays", "indexing", "products", "quantized", "attention", "recurrent", "control", "domains",
    "half_floats",
]


def answers(model, inputs):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, inputs)


def record(case):
    model, inputs = case.model(), case.inputs
    outputs = case.expected if case.expected is not None else answers(model, inputs)
    outputs = [onnx.numpy_helper.from_array(o) for o in outputs]
    head = {"operator": case.operator, "opset": case.opset, "tried": case.tried, "inputs": len(inputs),
            "outputs": len(outputs), "tolerance": case.tolerance}
    tensors = [onnx.numpy_helper.from_array(v, n) for n, v in inputs.items()]
    blobs = [json.dumps(head).encode(), model.SerializeToString(deterministic=True)]
    blobs += [t.SerializeToString(deterministic=True) for t in tensors + outputs]
    return b"".join(struct.pack("<I", len(b)) + b for b in blobs)


def main():
    total = failed = size = 0
    for group in sys.argv[1:] or GROUPS:
        cases = importlib.import_module(f"cases.{group}").cases()
        names, records = set(), []
        for case in cases:
            name = (case.operator, case.opset, case.tried)
            if name in names:
                sys.exit(f"{group}: two graphs are called {name}")
            names.add(name)
            try:
                records.append(record(case))
            except Exception as error:  # The author of a case wants all that fail at once.
                failed += 1
                print(f"{group}: {name}: {str(error).splitlines()[0][:300]}", file=sys.stderr)
        data = b"".join(records)
        (HERE / f"{group}.graphs").write_bytes(data)
        total, size = total + len(records), size + len(data)
        print(f"{group}: {len(records)} graphs, {len(data)} bytes")
    print(f"{total} graphs, {size} bytes, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
