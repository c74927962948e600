"""Graphs within graphs, and sequences."""

import numpy as np
from onnx import TensorProto, helper

from .common import Graph, case, ints, numbers

F, I64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL


def info(name, kind=F, shape=None):
    return helper.make_tensor_value_info(name, kind, shape)


def branch(name, op, by):
    return helper.make_graph([helper.make_node(op, ["x", by], ["y"], name=name)], name, [], [info("y", F, [3])])


def cases():
    x, two = numbers(3), np.float32([2, 3, 4])
    node = helper.make_node("If", ["c"], ["o"], name="node", then_branch=branch("t", "Mul", "two"), else_branch=branch("e", "Add", "two"))
    for value in [True, False]:
        yield Graph("If", 13, f"a condition as an input, {value}", [node], {"c": np.array(value), "x": x}, {"two": two}, ["o"])
        yield Graph("If", 13, f"a constant condition, {value}", [node], {"x": x}, {"two": two, "c": np.array(value)}, ["o"])
    body = helper.make_graph([helper.make_node("Add", ["s", "e"], ["s2"], name="add"), helper.make_node("Identity", ["s2"], ["out"], name="id")], "body",
                             [info("s", F, [3]), info("e", F, [3])], [info("s2", F, [3]), info("out", F, [3])])
    state, line = numbers(3), numbers(4, 3)
    yield Graph("Scan", 13, "a running sum", [helper.make_node("Scan", ["s0", "x"], ["f", "o"], name="node", body=body, num_scan_inputs=1)],
                {"s0": state, "x": line}, {}, ["f", "o"])
    yield Graph("Scan", 13, "backwards", [helper.make_node("Scan", ["s0", "x"], ["f", "o"], name="node", body=body, num_scan_inputs=1,
                                                          scan_input_directions=[1])], {"s0": state, "x": line}, {}, ["f", "o"])
    yield Graph("Scan", 13, "output backwards", [helper.make_node("Scan", ["s0", "x"], ["f", "o"], name="node", body=body, num_scan_inputs=1,
                                                                 scan_output_directions=[1])], {"s0": state, "x": line}, {}, ["f", "o"])
    yield Graph("Scan", 13, "along axis 1", [helper.make_node("Scan", ["s0", "x"], ["f", "o"], name="node", body=body, num_scan_inputs=1,
                                                             scan_input_axes=[1], scan_output_axes=[1])],
                {"s0": state, "x": numbers(3, 4)}, {}, ["f", "o"])
    loop = helper.make_graph([helper.make_node("Add", ["v", "v"], ["v2"], name="double"), helper.make_node("Identity", ["c"], ["c2"], name="go")], "loop",
                             [info("i", I64, []), info("c", BOOL, []), info("v", F, [3])], [info("c2", BOOL, []), info("v2", F, [3])])
    yield Graph("Loop", 13, "a number of rounds", [helper.make_node("Loop", ["n", "go", "x"], ["o"], name="node", body=loop)], {"x": x},
                {"n": np.int64(3), "go": np.array(True)}, ["o"])
    yield Graph("SequenceConstruct", 13, "and SequenceAt", [helper.make_node("SequenceConstruct", ["x", "two"], ["s"], name="node"),
                                                         helper.make_node("SequenceAt", ["s", "i"], ["o"], name="at")], {"x": x},
                {"two": two, "i": np.int64(1)}, ["o"])
    yield Graph("SplitToSequence", 13, "and ConcatFromSequence", [helper.make_node("SplitToSequence", ["x"], ["s"], name="node", axis=0),
                                                                 helper.make_node("ConcatFromSequence", ["s"], ["o"], name="join", axis=0)],
                {"x": line}, {}, ["o"])
    yield Graph("Optional", 16, "and OptionalGetElement", [helper.make_node("Optional", ["x"], ["s"], name="node"),
                                                          helper.make_node("OptionalGetElement", ["s"], ["o"], name="get")], {"x": x}, {}, ["o"])
    yield case("DFT", "one side", [numbers(1, 8, 1), ints(8)[0]], opset=17, const=[1], axis=1, onesided=1)
    yield case("DFT", "inverse", [numbers(1, 8, 2), ints(8)[0]], opset=17, const=[1], axis=1, inverse=1)
    yield case("DFT", "both sides", [numbers(1, 8, 1), ints(8)[0]], opset=17, const=[1], axis=1)
    yield case("DFT", "opset 20, the axis as an input", [numbers(1, 8, 2), ints(8)[0], ints(1)[0]], opset=20, const=[1, 2])
    yield case("HannWindow", "periodic", [np.int64(8)], opset=17, const=[0])
    yield case("HammingWindow", "symmetrical", [np.int64(8)], opset=17, const=[0], periodic=0)
    yield case("BlackmanWindow", "periodic", [np.int64(8)], opset=17, const=[0])
