"""Gathering, scattering and choosing."""

import numpy as np

from .common import case, floats, ints, numbers


def cases():
    x = numbers(3, 4, 2)
    for axis in [0, 1, 2, -1]:
        yield case("Gather", f"axis={axis}", [x, ints(1, 0)], opset=13, const=[1], axis=axis)
    yield case("Gather", "negative indices", [x, ints(-1, -3)], opset=13, const=[1])
    yield case("Gather", "negative indices as an input", [x, ints(-1, -3)], opset=13)
    yield case("Gather", "a scalar index", [x, np.int64(1)], opset=13, const=[1], axis=1)
    yield case("Gather", "two dimensions of 32-bit indices", [x, np.array([[0, 1], [2, 2]], np.int32)], opset=11)
    yield case("Gather", "a constant table", [numbers(5, 3), ints(4, 0, -2)], opset=13, const=[0])
    for axis in [0, 1, -1]:
        index = numbers(2, 3, low=-3, high=2, dtype=np.int64) if axis == 0 else numbers(3, 2, low=-3, high=2, dtype=np.int64)
        yield case("GatherElements", f"axis={axis}, negative indices", [numbers(3, 3), index], opset=13, axis=axis)
    yield case("GatherND", "whole index", [numbers(2, 3), np.array([[0, 1], [1, 2]])], opset=13, const=[1])
    yield case("GatherND", "part of an index", [x, np.array([[0], [2]])], opset=13)
    yield case("GatherND", "negative indices", [x, np.array([[-1, 0], [0, -2]])], opset=13)
    yield case("GatherND", "batch_dims=1", [numbers(2, 3, 4), np.array([[1], [2]])], opset=13, batch_dims=1)
    yield case("GatherND", "batch_dims=1, whole index", [numbers(2, 3, 4), np.array([[1, 3], [0, 2]])], opset=13, batch_dims=1)
    yield case("GatherND", "batch_dims=2", [numbers(2, 2, 4), np.array([[[1], [2]], [[3], [0]]])], opset=12, batch_dims=2)
    base, rows = numbers(4, 3), np.array([[1], [3]])
    for reduction, opset in [("none", 13), ("add", 16), ("mul", 16), ("max", 18), ("min", 18)]:
        given = {} if reduction == "none" else {"reduction": reduction}
        yield case("ScatterND", f"reduction={reduction}", [base, rows, numbers(2, 3, seed="u")], opset=opset, **given)
        index = np.array([[0, 1, 2], [3, 1, 0]])
        if reduction != "none":
            yield case("ScatterND", f"reduction={reduction}, the same twice", [base, np.array([[1], [1]]),
                                                                              numbers(2, 3, seed="u")], opset=opset, **given)
            yield case("ScatterElements", f"reduction={reduction}, the same twice",
                       [base, np.array([[0, 1, 1], [0, 1, 1]]), numbers(2, 3, seed="u")], opset=opset, axis=0, **given)
        yield case("ScatterElements", f"reduction={reduction}", [base, index, numbers(2, 3, seed="u")], opset=opset, axis=0,
                   **given)
        yield case("ScatterElements", f"reduction={reduction}, axis=1", [base, np.array([[0], [1], [2], [-1]]), numbers(4, 1)],
                   opset=opset, axis=1, **given)
    yield case("ScatterND", "whole index, negative", [base, np.array([[0, 1], [-1, -1]]), floats(5, 6)], opset=13)
    yield case("ScatterND", "integers", [ints(1, 2, 3, 4), np.array([[2]]), ints(9)], opset=11)
    yield case("ScatterND", "opset 18, add, integers", [ints(1, 2, 3, 4), np.array([[2], [2]]), ints(9, 8)], opset=18,
               reduction="add")
    yield case("Scatter", "opset 9", [base, np.array([[1], [0], [2], [1]]), numbers(4, 1)], opset=9, axis=1)
    t = floats(3, 1, 3, 2, 5, 1, 3, 0, 2, 2).reshape(2, 5)
    for largest in [0, 1]:
        for axis in [-1, 0, 1]:
            yield case("TopK", f"largest={largest}, axis={axis}, ties", [t, ints(2)], opset=11, const=[1], outputs=2,
                       largest=largest, axis=axis)
    yield case("TopK", "all of them", [t, ints(5)], opset=11, const=[1], outputs=2)
    yield case("TopK", "sorted", [t, ints(3)], opset=11, const=[1], outputs=2, sorted=1)
    yield case("TopK", "integers", [numbers(2, 5, low=-9, high=9, dtype=np.int64), ints(3)], opset=11, const=[1], outputs=2)
    yield case("TopK", "opset 10", [t, ints(3)], opset=10, const=[1], outputs=2)
    yield case("TopK", "k as an attribute", [t], opset=7, outputs=2, k=2)
    for axis in [-1, 0, 1]:
        yield case("OneHot", f"axis={axis}", [ints(0, 2, 1), np.int64(4), floats(0.5, 2)], opset=11, const=[1, 2], axis=axis)
    yield case("OneHot", "negative and out of range", [ints(-1, 4, -5, -4), np.int64(4), floats(0, 1)], opset=11, const=[1, 2])
    yield case("OneHot", "integers of two dimensions", [np.array([[0, 1], [2, 0]]), np.int64(3), ints(0, 5)], opset=11,
               const=[1, 2], axis=1)
    boxes = np.array([[[0, 0, 1, 1], [0, 0.1, 1, 1.1], [0, -0.1, 1, 0.9], [0, 10, 1, 11]]], np.float32)
    scores = np.array([[[0.9, 0.75, 0.6, 0.95]]], np.float32)
    yield case("NonMaxSuppression", "defaults of detectors", [boxes, scores, ints(3), floats(0.5), floats(0.0)], opset=11,
               const=[2, 3, 4])
