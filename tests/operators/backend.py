"""Makes graphs of the node cases that ONNX's own package tests backends with, inputs and answers included.

    python tests/operators/backend.py FOLDER      needs numpy and onnx

FOLDER gets `backend.graphs` in the format of generate.py, for `make test-onnx-suite`. Left out are cases about sequences,
optionals, strings and number formats that numpy has not: the engine refuses them all.
"""

import json
import struct
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper
from onnx.backend.test.case.node import collect_testcases

KNOWN = {TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BOOL, TensorProto.INT8, TensorProto.UINT8,
         TensorProto.INT16, TensorProto.UINT16, TensorProto.INT32, TensorProto.UINT32, TensorProto.INT64, TensorProto.UINT64}


def tensors(values, edges):
    """As the file declares them; `None` if one is no plain tensor."""
    made = []
    for value, edge in zip(values, edges, strict=True):
        of = edge.type.tensor_type.elem_type
        if not edge.type.HasField("tensor_type") or of not in KNOWN or value is None or isinstance(value, (list, dict)):
            return None
        if not isinstance(value, TensorProto):
            value = numpy_helper.from_array(np.asarray(value, onnx.helper.tensor_dtype_to_np_dtype(of)))
        value.name = edge.name
        made.append(value)
    return made


def record(case):
    graph = case.model.graph
    inputs, outputs = case.data_sets[0]
    initialized = {tensor.name for tensor in graph.initializer}
    inputs = tensors(inputs, [i for i in graph.input if i.name not in initialized])
    outputs = tensors(outputs, graph.output)
    if inputs is None or outputs is None:
        return None
    own = [o.version for o in case.model.opset_import if o.domain in ("", "ai.onnx")]
    if not own:
        return None
    head = {"operator": graph.node[0].op_type if len(graph.node) == 1 else "several", "opset": own[0], "tried": case.name, "inputs": len(inputs),
            "outputs": len(outputs), "tolerance": max(case.rtol or 1e-3, 1e-5)}
    blobs = [json.dumps(head).encode(), case.model.SerializeToString()]
    blobs += [tensor.SerializeToString() for tensor in inputs + outputs]
    return b"".join(struct.pack("<I", len(blob)) + blob for blob in blobs)


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    cases = collect_testcases(None)
    records = [made for made in map(record, cases) if made is not None]
    (folder / "backend.graphs").write_bytes(b"".join(records))
    print(f"{len(records)} of {len(cases)} cases")


if __name__ == "__main__":
    main()
