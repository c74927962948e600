"""Shapes: what moves numbers without computing any."""

import numpy as np
from onnx import helper, numpy_helper

from .common import Graph, case, floats, ints, numbers


def constant(tried, **attribute):
    node = helper.make_node("Constant", [], ["k"], name="node", **attribute)
    kind = np.int64 if "value_int" in attribute or "value_ints" in attribute else np.float32
    nodes = [node, helper.make_node("Add", ["x", "k"], ["o"], name="add")]
    return Graph("Constant", 13, tried, nodes, {"x": np.ones(2, kind)}, {}, ["o"])


def cases():
    x = numbers(2, 3, 4)
    yield case("Transpose", "defaults", [x], opset=13)
    yield case("Transpose", "perm", [x], opset=13, perm=[1, 2, 0])
    yield case("Transpose", "perm of five", [numbers(1, 2, 3, 2, 2)], opset=13, perm=[0, 3, 1, 4, 2])
    for tried, shape in [("plain", [4, 6]), ("-1", [2, -1]), ("0 keeps", [0, 12]), ("0 and -1", [0, -1, 2])]:
        yield case("Reshape", tried, [x, ints(*shape)], opset=14, const=[1])
    yield case("Reshape", "allowzero", [np.zeros((0, 3), np.float32), ints(3, 0)], opset=14, const=[1], allowzero=1)
    yield case("Reshape", "opset 5", [x, ints(24)], opset=7, const=[1])
    for axis in [0, 1, 2, 3, -1]:
        yield case("Flatten", f"axis={axis}", [x], opset=13, axis=axis)
    s = numbers(1, 3, 1, 2)
    yield case("Squeeze", "axes as an attribute", [s], opset=11, axes=[0, -2])
    yield case("Squeeze", "axes as an input", [s, ints(-2)], opset=13, const=[1])
    yield case("Squeeze", "no axes", [s], opset=13)
    yield case("Unsqueeze", "axes as an attribute", [x], opset=11, axes=[0, 4])
    yield case("Unsqueeze", "axes as an input", [x, ints(1)], opset=13, const=[1])
    yield case("Unsqueeze", "negative axes", [x, ints(-1, -3)], opset=13, const=[1])
    yield case("Unsqueeze", "axes out of order", [x, ints(3, 0)], opset=13, const=[1])
    for axis in [0, 1, -1]:
        parts = [numbers(2, 3), numbers(2, 3, seed="b")]
        yield case("Concat", f"axis={axis}", parts, opset=13, axis=axis)
    yield case("Concat", "one tensor", [x], opset=13, axis=1)
    yield case("Concat", "integers with a constant", [ints(1, 2), ints(3)], opset=13, const=[1], axis=0)
    y = numbers(7, 3)
    yield case("Split", "equal parts", [numbers(6, 2)], opset=13, outputs=3, axis=0)
    yield case("Split", "split as an input, negative axis", [numbers(2, 6), ints(1, 2, 3)], opset=13, const=[1], outputs=3, axis=-1)
    yield case("Split", "split as an attribute", [y], opset=11, outputs=2, axis=0, split=[3, 4])
    yield case("Split", "num_outputs, the last smaller", [y], opset=18, outputs=3, axis=0, num_outputs=3)
    yield case("Split", "num_outputs, four of seven", [y], opset=18, outputs=4, axis=0, num_outputs=4)
    yield case("Split", "a part of no size", [numbers(3, 2), ints(0, 3)], opset=13, const=[1], outputs=2, axis=0)
    z = numbers(5, 6)
    for tried, tensors in {
        "starts and ends": [ints(1, 0), ints(3, 5)],
        "axes": [ints(1), ints(4), ints(1)],
        "negative axes": [ints(1), ints(4), ints(-1)],
        "negative starts and ends": [ints(-3, -4), ints(-1, -2)],
        "steps": [ints(0, 1), ints(5, 6), ints(0, 1), ints(2, 3)],
        "negative steps": [ints(4, 5), ints(0, 1), ints(0, 1), ints(-1, -2)],
        "a negative step to the beginning": [ints(-1), ints(-100), ints(1), ints(-1)],
        "a negative step from beyond the end": [ints(100), ints(-100), ints(0), ints(-2)],
        "ends beyond the end": [ints(2, 0), ints(2**63 - 1, 100)],
        "nothing": [ints(3), ints(3), ints(0)],
        "starts before the beginning": [ints(-100), ints(3), ints(0)],
    }.items():
        yield case("Slice", tried, [z] + tensors, opset=13, const=[1, 2, 3, 4])
    yield case("Slice", "32-bit indices", [z, np.array([1], np.int32), np.array([4], np.int32), np.array([1], np.int32)],
               opset=13, const=[1, 2, 3])
    yield case("Slice", "attributes", [z], opset=9, starts=[1, -4], ends=[4, 100], axes=[0, 1])
    yield case("Slice", "attributes without axes", [z], opset=7, starts=[0, 2], ends=[-1, 4])
    yield case("Expand", "more dimensions", [numbers(3, 1), ints(2, 1, 6)], opset=13, const=[1])
    yield case("Expand", "ones in the shape", [numbers(3, 4), ints(1, 1)], opset=13, const=[1])
    yield case("Expand", "truth values", [np.array([[True], [False]]), ints(2, 3)], opset=8, const=[1])
    yield case("Tile", "repeats", [numbers(2, 3), ints(2, 3)], opset=13, const=[1])
    yield case("Tile", "repeats of one", [numbers(2, 3), ints(1, 1)], opset=6 + 1, const=[1])
    d = numbers(1, 8, 2, 3)
    yield case("DepthToSpace", "defaults", [d], opset=13, blocksize=2)
    for mode in ["DCR", "CRD"]:
        yield case("DepthToSpace", f"mode={mode}", [numbers(2, 8, 2, 3)], opset=13, blocksize=2, mode=mode)
    yield case("DepthToSpace", "opset 7", [d], opset=7, blocksize=2)
    yield case("SpaceToDepth", "blocksize=2", [numbers(2, 2, 4, 6)], opset=13, blocksize=2)
    yield case("SpaceToDepth", "blocksize=3", [numbers(1, 2, 3, 6)], opset=7, blocksize=3)
    m = numbers(2, 4, 5)
    for upper in [0, 1]:
        yield case("Trilu", f"upper={upper}", [m], opset=14, upper=upper)
        for k in [1, -1, -2, 3, 10, -10]:
            yield case("Trilu", f"upper={upper}, k={k}", [m, np.int64(k)], opset=14, const=[1], upper=upper)
    yield case("Trilu", "integers", [numbers(3, 3, low=-5, high=5, dtype=np.int64)], opset=14)
    yield case("EyeLike", "defaults", [numbers(3, 4)], opset=9)
    yield case("EyeLike", "k, dtype", [numbers(3, 4)], opset=9, k=1, dtype=7)
    yield case("EyeLike", "k below zero", [numbers(3, 4)], opset=9, k=-1)
    yield case("Shape", "defaults", [x], opset=13)
    yield case("Shape", "start", [x], opset=15, start=1)
    yield case("Shape", "start, end, negative", [x], opset=15, start=-2, end=-1)
    yield case("Shape", "ends beyond the rank", [x], opset=15, start=-9, end=9)
    yield case("Size", "defaults", [x], opset=13)
    yield case("ConstantOfShape", "defaults", [ints(2, 3)], opset=9, const=[0])
    for value in [floats(2.5), ints(7), np.array([True]), np.array([-3], np.int32)]:
        yield case("ConstantOfShape", f"value, {value.dtype.name}", [ints(2)], opset=9, const=[0],
                   value=numpy_helper.from_array(value))
    yield case("ConstantOfShape", "no dimensions", [ints()], opset=9, const=[0])
    for start, limit, step in [(0, 5, 1), (10, 4, -2), (1, 8, 3), (3, 3, 1)]:
        yield case("Range", f"{start} to {limit} by {step}", [np.int64(start), np.int64(limit), np.int64(step)], opset=11,
                   const=[0, 1, 2])
    yield case("Range", "floats", [np.float32(1), np.float32(2.2), np.float32(0.25)], opset=11, const=[0, 1, 2])
    yield constant("value", value=numpy_helper.from_array(floats(1, 2)))
    yield constant("value_float", value_float=2.5)
    yield constant("value_floats", value_floats=[2.5, 1.0])
    yield constant("value_int", value_int=3)
    yield constant("value_ints", value_ints=[3, 4])
    for axis in [None, 0, 1, -1]:
        given = {} if axis is None else {"axis": axis}
        yield case("Compress", f"axis={axis}", [numbers(3, 2), np.array([False, True, True][: 3 if axis in (None, 0) else 2])],
                   opset=11, const=[1], **given)
    yield case("NonZero", "floats", [floats(0, 1, 2, 0)], opset=13)
    yield case("Unique", "sorted", [floats(2, 1, 1, 3)], opset=11, outputs=4)
    yield case("ReverseSequence", "defaults", [numbers(4, 3), ints(1, 2, 4)], opset=10, const=[1])
    yield case("CenterCropPad", "axes", [numbers(4, 5), ints(2, 7)], opset=18, const=[1], axes=[0, 1])
    yield case("Col2Im", "blocks of 2x2", [numbers(1, 4, 9), ints(4, 4), ints(2, 2)], opset=18, const=[1, 2])
    yield case("Det", "three by three", [numbers(3, 3)], opset=11)
