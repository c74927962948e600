"""One graph of the audit, and the numbers that it reads."""

import zlib

import numpy as np
from onnx import TensorProto, helper, numpy_helper

F, I64, BOOL, U8, I8, I32, F16 = (TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL, TensorProto.UINT8,
                                  TensorProto.INT8, TensorProto.INT32, TensorProto.FLOAT16)


class Graph:
    """A graph of several nodes; most have one (`case`)."""

    def __init__(self, operator, opset, tried, nodes, inputs, constants, outputs, tolerance=1e-5, domain="",
                 expected=None, domains=()):
        self.operator, self.opset, self.tried = operator, opset, tried
        self.nodes, self.inputs, self.constants, self.outputs = nodes, inputs, constants, outputs
        self.tolerance, self.expected, self.domains = tolerance, expected, domains

    def model(self):
        edges = [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape)
                 for n, v in self.inputs.items()]
        # Neither type nor shape: the engine infers both.
        outputs = [o if not isinstance(o, str) else helper.make_empty_tensor_value_info(o) for o in self.outputs]
        initializers = [v if isinstance(v, TensorProto) else numpy_helper.from_array(v, n)
                        for n, v in self.constants.items()]
        graph = helper.make_graph(self.nodes, "g", edges, outputs, initializers)
        imports = [helper.make_opsetid("", self.opset)] + [helper.make_opsetid(d, 1) for d in self.domains]
        return helper.make_model(graph, opset_imports=imports, ir_version=11 if self.opset > 22 else 8,
                                 producer_name="")


def case(operator, tried, tensors, opset=17, const=(), outputs=1, tolerance=1e-5, domain="", name=None, expected=None,
         **attributes):
    """A node that reads `tensors`: those at the indices `const` are constants of the file, the rest inputs; `None` is
    left out. `tried` says in words what the graph is about, without the operator's name."""
    names = [f"i{ix}" if t is not None else "" for ix, t in enumerate(tensors)]
    outs = [f"o{ix}" for ix in range(outputs)] if isinstance(outputs, int) else list(outputs)
    node = helper.make_node(operator, names, outs, name="node", domain=domain, **attributes)
    given = {n: np.asarray(t) for n, t in zip(names, tensors) if t is not None}
    constants = {n: v for ix, (n, v) in enumerate(given.items()) if int(n[1:]) in const}
    inputs = {n: v for n, v in given.items() if n not in constants}
    return Graph(name or operator, opset, tried, [node], inputs, constants, [o for o in outs if o], tolerance,
                 expected=expected, domains=(domain,) if domain else ())


def numbers(*shape, low=-2.0, high=2.0, seed="", dtype=np.float32):
    """Uniform numbers from `low` to `high`, the same for the same shape and seed."""
    rng = np.random.default_rng(zlib.crc32(f"{shape} {seed}".encode()))
    if np.issubdtype(dtype, np.integer):
        return rng.integers(int(low), int(high), shape, endpoint=True).astype(dtype)
    return rng.uniform(low, high, shape).astype(dtype)


def ints(*values):
    return np.array(values, np.int64)


def floats(*values):
    return np.array(values, np.float32)
