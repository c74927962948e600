"""Reductions: axes as attributes and as inputs."""

import numpy as np

from .common import case, floats, ints, numbers

REDUCE = ["ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceLogSum",
          "ReduceLogSumExp", "ReduceSumSquare"]


def cases():
    for op in REDUCE:
        x = numbers(2, 3, 4, low=0.1 if op == "ReduceLogSum" else -2)
        old = 11
        yield case(op, "axes as an attribute", [x], opset=old, axes=[1])
        yield case(op, "axes as an attribute, keepdims=0", [x], opset=old, axes=[0, 2], keepdims=0)
        yield case(op, "negative axes as an attribute", [x], opset=old, axes=[-1], keepdims=0)
        yield case(op, "all axes", [x], opset=old)
        yield case(op, "all axes, keepdims=0", [x], opset=old, keepdims=0)
        yield case(op, "axes as an input", [x, ints(1)], opset=18, const=[1])
        yield case(op, "negative axes as an input, keepdims=0", [x, ints(-1, 0)], opset=18, const=[1], keepdims=0)
        yield case(op, "no axes", [x], opset=18)
        yield case(op, "no axes, keepdims=0", [x], opset=18, keepdims=0)
        yield case(op, "empty axes", [x, ints()], opset=18, const=[1])
        yield case(op, "empty axes, noop_with_empty_axes", [x, ints()], opset=18, const=[1], noop_with_empty_axes=1)
        yield case(op, "no axes, noop_with_empty_axes", [x], opset=18, noop_with_empty_axes=1)
        if op not in ("ReduceLogSum", "ReduceLogSumExp"):
            yield case(op, "integers", [numbers(2, 3, low=-5, high=5, dtype=np.int32), ints(1)], opset=18, const=[1])
    yield case("ReduceSum", "opset 13", [numbers(2, 3), ints(0)], opset=13, const=[1])
    yield case("ReduceMax", "opset 13", [numbers(2, 3)], opset=13, axes=[0])
    yield case("ReduceMax", "truth values", [np.array([[True, False], [False, False]]), ints(1)], opset=20, const=[1])
    # After the first place ONNX Runtime passes over what is not a number, and PyTorch does not: ours does as PyTorch.
    for op, bottom in [("ReduceMax", -np.inf), ("ReduceMin", np.inf)]:
        row = numbers(1, 33)
        row[0, 0] = np.nan
        yield case(op, "not a number in a row", [row, ints(1)], opset=18, const=[1])
        yield case(op, "not a number in a column", [row.T.copy(), ints(0)], opset=18, const=[1])
        yield case(op, "not a number at all", [np.full((2, 17), np.nan, np.float32), ints(1)], opset=18, const=[1])
        yield case(op, "infinite alone", [np.full((2, 17), bottom, np.float32), ints(1)], opset=18, const=[1])
        yield case(op, "infinite alone, columns", [np.full((17, 2), bottom, np.float32), ints(0)], opset=18, const=[1])
        yield case(op, "outer axes", [numbers(3, 4, 5), ints(0, 2)], opset=18, const=[1], keepdims=0)
    yield case("ReduceLogSumExp", "far from zero", [floats(1000, 1001, 999).reshape(1, 3), ints(1)], opset=18, const=[1])
    yield case("ReduceMean", "integers, negative", [np.array([[-7, 0], [-1, -2]], np.int32), ints(1)], opset=18, const=[1])
    for op in ["ArgMax", "ArgMin"]:
        x = floats(1, 3, 3, 0, 0, 2, 2, 2, 1).reshape(3, 3)
        yield case(op, "defaults", [x], opset=13)
        for axis in [0, 1, -1]:
            for keep in [0, 1]:
                for last in [0, 1]:
                    yield case(op, f"axis={axis}, keepdims={keep}, select_last_index={last}", [x], opset=13, axis=axis,
                               keepdims=keep, select_last_index=last)
        yield case(op, "opset 11", [numbers(2, 3)], opset=11, axis=1)
        yield case(op, "integers", [numbers(2, 5, low=-5, high=5, dtype=np.int32)], opset=13, axis=1)
        bottom = np.inf if op == "ArgMin" else -np.inf
        for last in [0, 1]:
            yield case(op, f"infinite alone, select_last_index={last}", [np.full((2, 3), bottom, np.float32)], opset=13,
                       axis=1, select_last_index=last)
            x = numbers(2, 3)
            x[:, 0] = np.nan
            yield case(op, f"not a number, select_last_index={last}", [x], opset=13, axis=1, select_last_index=last)
