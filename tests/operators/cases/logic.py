"""Comparisons, truth values and bits."""

import numpy as np

from .common import case, floats, numbers

BOOLS = np.array([True, True, False, False]), np.array([True, False, True, False])


def cases():
    for op, since in [("Equal", 19), ("Greater", 13), ("Less", 13), ("GreaterOrEqual", 16), ("LessOrEqual", 16)]:
        yield case(op, "floats", [floats(1, 2, 3, -0.0), floats(1, 3, 2, 0)], opset=since)
        yield case(op, "not a number", [floats(np.nan, 1, np.inf), floats(np.nan, np.nan, np.inf)], opset=since)
        yield case(op, "integers, broadcast", [numbers(2, 3, low=0, high=2, dtype=np.int64), np.array([0, 1, 2])],
                   opset=since)
        yield case(op, "32-bit integers and a constant", [numbers(6, low=0, high=3, dtype=np.int32), np.int32(1)],
                   opset=since, const=[1])
    yield case("Equal", "truth values", [*BOOLS], opset=13)
    yield case("Equal", "integers beyond the precision of floats", [np.array([2**53 + 1]), np.array([2**53])], opset=13)
    yield case("Greater", "opset 7", [floats(1, 2), floats(2, 1)], opset=7)
    for op in ["And", "Or", "Xor"]:
        yield case(op, "truth values", [*BOOLS], opset=7)
        yield case(op, "broadcast", [BOOLS[0].reshape(2, 2), np.array([True])], opset=7)
    yield case("Not", "truth values", [BOOLS[0]], opset=7)
    for op in ["BitwiseAnd", "BitwiseOr", "BitwiseXor"]:
        yield case(op, "signed", [np.array([-7, 12, 5], np.int32), np.array([3, 10, -1], np.int32)], opset=18)
        yield case(op, "bytes", [np.array([200, 12, 5], np.uint8), np.array([3, 10, 255], np.uint8)], opset=18)
    yield case("BitwiseNot", "signed", [np.array([-7, 12, 5], np.int32)], opset=18)
    yield case("BitwiseNot", "bytes", [np.array([200, 12, 5], np.uint8)], opset=18)
    edges = floats(np.inf, -np.inf, np.nan, 0, 1)
    yield case("IsNaN", "floats", [edges], opset=13)
    for negative, positive in [(1, 1), (0, 1), (1, 0), (0, 0)]:
        yield case("IsInf", f"detect_negative={negative}, detect_positive={positive}", [edges], opset=10,
                   detect_negative=negative, detect_positive=positive)
    yield case("Where", "floats", [BOOLS[0], floats(1, 2, 3, 4), floats(5, 6, 7, 8)], opset=16)
    yield case("Where", "broadcast three ways", [np.array([[True], [False]]), numbers(3), numbers(2, 1, 1)], opset=9)
    yield case("Where", "integers and a constant", [BOOLS[0], np.int64(-1), np.array([1, 2, 3, 4])], opset=9, const=[1])
    yield case("Where", "chooses beside what is not a number", [BOOLS[0], floats(1, 2, np.nan, np.inf),
                                                                floats(np.nan, np.inf, 3, 4)], opset=16)
