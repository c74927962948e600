"""Arithmetic and rounding, element by element."""

import numpy as np

from onnx import helper

from .common import Graph, case, floats, ints, numbers

EDGES = floats(-2.5, -1.5, -0.5, -0.0, 0.0, 0.5, 1.5, 2.5, 3.49, -3.51, 1e6, -1e6)


def remainder_of_shape(divisor, fmod):
    """-Shape(x) mod `divisor`, as exporters write the padding to whole windows."""
    nodes = [helper.make_node("Shape", ["x"], ["shape"], name="shape"),
             helper.make_node("Neg", ["shape"], ["negative"], name="negative"),
             helper.make_node("Mod", ["negative", "divisor"], ["o0"], name="node", fmod=fmod)]
    return Graph("Mod", 17, f"fmod={fmod}, a negated shape by {divisor}", nodes, {"x": np.zeros((64, 28), np.uint8)},
                 {"divisor": ints(divisor)}, ["o0"])


def cases():
    for op in ["Add", "Sub", "Mul", "Div"]:
        yield case(op, "floats", [numbers(2, 3), numbers(2, 3, low=0.5)], opset=14)
        yield case(op, "broadcast [2,1,3] and [4,1]", [numbers(2, 1, 3), numbers(4, 1, low=0.5)], opset=7)
        yield case(op, "32-bit integers", [numbers(12, low=-50, high=50, dtype=np.int32),
                                           np.array([3, -3, 7, -7] * 3, np.int32)], opset=14)
        yield case(op, "64-bit integers and a constant scalar", [numbers(6, low=-50, high=50, dtype=np.int64),
                                                                 np.int64(-4)], opset=13, const=[1])
        yield case(op, "half floats", [numbers(6, dtype=np.float16), numbers(6, low=0.5, dtype=np.float16)], opset=14,
                   tolerance=2e-3)
        yield case(op, "doubles", [numbers(6, dtype=np.float64), numbers(6, low=0.5, dtype=np.float64)], opset=14)
    yield case("Div", "by zero", [floats(1, -1, 0, 2), floats(0, 0, 1, -0.0)])
    yield case("Div", "bytes", [np.array([200, 7, 255], np.uint8), np.array([3, 2, 16], np.uint8)])
    yield case("Add", "bytes that wrap round", [np.array([200, 7, 255], np.uint8), np.array([100, 2, 1], np.uint8)])
    yield case("Sub", "bytes that wrap round", [np.array([2, 7, 0], np.uint8), np.array([3, 2, 1], np.uint8)])
    negatives = np.array([-7, -6, -5, -1, 0, 1, 5, 6, 7, -7, 7, -8], np.int64)
    divisors = np.array([3, 3, 3, 3, 3, 3, 3, 3, 3, -3, -3, -4], np.int64)
    for dtype in [np.int64, np.int32, np.int8]:
        for fmod in [0, 1]:
            yield case("Mod", f"fmod={fmod}, negative {np.dtype(dtype).name}",
                       [negatives.astype(dtype), divisors.astype(dtype)], opset=13, fmod=fmod)
    yield case("Mod", "fmod=1, negative floats", [floats(-4.3, 7.2, 5.0, 4.3, -7.2, 8.0), floats(2.1, -3.4, 8.0, -2.1, 3.4, 5.0)],
               opset=13, fmod=1)
    yield case("Mod", "fmod=0, bytes", [np.array([200, 7, 255], np.uint8), np.array([3, 2, 16], np.uint8)], opset=13)
    yield case("Mod", "fmod=0, a constant divisor", [negatives, np.int64(4)], opset=13, const=[1])
    yield case("Mod", "fmod=0, broadcast", [negatives.reshape(3, 4), divisors[:1] - 8], opset=10)
    for divisor in [14, 5, -14]:
        for fmod in [0, 1]:
            yield remainder_of_shape(divisor, fmod)
    yield case("Mod", "fmod=0, negative int16", [negatives.astype(np.int16), divisors.astype(np.int16)], opset=13)
    yield case("Mod", "fmod=0, negative [2,1,3] by [4,1]",
               [numbers(2, 1, 3, low=-99, high=99, dtype=np.int64), np.array([[7], [-7], [14], [-1]], np.int64)], opset=13)
    yield case("Mod", "fmod=0, 64-bit words", [np.array([2**63 + 5, 9], np.uint64), np.array([7, 4], np.uint64)], opset=13)
    yield case("Mod", "fmod=1, floats [2,1,3] by [4,1]",
               [numbers(2, 1, 3, low=-9.0, high=9.0), floats(2.5, -2.5, 0.75, 100).reshape(4, 1)], opset=13, fmod=1)
    for op in ["Max", "Min"]:
        yield case(op, "one tensor", [numbers(4)], opset=13)
        yield case(op, "three, broadcast", [numbers(2, 3), numbers(3), numbers(2, 1)], opset=13)
        yield case(op, "integers", [numbers(5, low=-9, high=9, dtype=np.int32), numbers(5, low=-9, high=9, seed="b",
                                                                                        dtype=np.int32)], opset=13)
        yield case(op, "opset 8", [numbers(2, 3), numbers(3)], opset=8)
        yield case(op, "infinities", [floats(np.inf, 1, -np.inf), floats(0, -np.inf, np.inf)], opset=13)
    for op in ["Sum", "Mean"]:
        yield case(op, "one tensor", [numbers(4)], opset=13)
        yield case(op, "three, broadcast", [numbers(2, 3), numbers(3), numbers(2, 1)], opset=13)
        yield case(op, "opset 8", [numbers(2, 3), numbers(3)], opset=8)
    yield case("Pow", "floats", [numbers(6, low=0.1), numbers(6, low=-3, high=3)], opset=15)
    yield case("Pow", "whole powers of negatives", [floats(-2, -3, -0.5, 2), floats(3, 2, -1, 0)], opset=15)
    yield case("Pow", "a constant 2", [numbers(6), np.float32(2)], const=[1])
    yield case("Pow", "a constant 3", [numbers(6), np.float32(3)], const=[1])
    yield case("Pow", "a constant 0.5", [numbers(6, low=0), np.float32(0.5)], const=[1])
    yield case("Pow", "a constant -0.5", [numbers(6, low=0.1), np.float32(-0.5)], const=[1])
    yield case("Pow", "floats by integers", [numbers(6), np.array([0, 1, 2, 3, 4, 5], np.int64)], opset=13)
    yield case("Pow", "integers by integers", [np.array([1, -2, 3, -4], np.int32), np.array([2, 3, 4, 2], np.int32)],
               opset=13)
    yield case("Pow", "integers by floats", [np.array([1, 2, 3, 4], np.int32), floats(2, 0.5, 2.5, 0)], opset=13)
    yield case("Pow", "opset 7, broadcast", [numbers(2, 3, low=0.5), numbers(3)], opset=7)
    for op in ["Floor", "Ceil", "Round"]:
        yield case(op, "halves and signs", [EDGES], opset=13)
        yield case(op, "half floats", [EDGES[:10].astype(np.float16)], opset=13)
    for op in ["Abs", "Neg", "Sign"]:
        yield case(op, "floats with zeros", [EDGES], opset=13)
        yield case(op, "integers", [np.array([-3, 0, 5, 127], np.int32)], opset=13)
        yield case(op, "8-bit integers", [np.array([-3, 0, 5, 127], np.int8)], opset=13)
    for op, low, high in [("Sqrt", 0, 9), ("Reciprocal", 0.2, 5), ("Exp", -6, 6), ("Log", 0.01, 20), ("Erf", -3, 3),
                          ("Sin", -7, 7), ("Cos", -7, 7), ("Tan", -1.4, 1.4), ("Asin", -1, 1), ("Acos", -1, 1),
                          ("Atan", -4, 4), ("Sinh", -3, 3), ("Cosh", -3, 3), ("Tanh", -9, 9), ("Asinh", -4, 4),
                          ("Acosh", 1, 5), ("Atanh", -0.95, 0.95)]:
        yield case(op, "floats", [numbers(3, 7, low=low, high=high)], opset=9 if op not in ("Erf",) else 13)
    for op in ["Sqrt", "Log", "Exp", "Reciprocal", "Tanh", "Erf"]:
        yield case(op, "edges", [floats(0, -0.0, 100, -100, np.inf, -np.inf)], opset=13)
    for op in ["Sqrt", "Exp", "Tanh"]:
        yield case(op, "half floats", [numbers(7, low=0.1, dtype=np.float16)], opset=13, tolerance=2e-3)
        yield case(op, "doubles", [numbers(7, low=0.1, dtype=np.float64)], opset=13)
    yield case("Identity", "floats", [numbers(2, 3)], opset=16)
    yield case("Identity", "truth values", [np.array([True, False])], opset=16)
    clip = floats(-3, -1, 0, 0.25, 1, 3)
    yield case("Clip", "both ends", [clip, np.float32(-1), np.float32(0.5)], opset=13, const=[1, 2])
    yield case("Clip", "the low end only", [clip, np.float32(0.1)], opset=13, const=[1])
    yield case("Clip", "the high end only", [clip, None, np.float32(0.1)], opset=13, const=[2])
    yield case("Clip", "no end", [clip], opset=13)
    yield case("Clip", "the low end above the high", [clip, np.float32(2), np.float32(-2)], opset=13, const=[1, 2])
    yield case("Clip", "ends that are inputs", [clip, np.float32(-1), np.float32(0.5)], opset=13)
    yield case("Clip", "integers", [np.array([-9, 0, 9], np.int64), np.int64(-2), np.int64(3)], opset=13, const=[1, 2])
    yield case("Clip", "bytes", [np.array([0, 9, 200], np.uint8), np.uint8(5), np.uint8(100)], opset=13, const=[1, 2])
    yield case("Clip", "infinities", [floats(np.inf, -np.inf), np.float32(-1), np.float32(0.5)], opset=13, const=[1, 2])
    yield case("Clip", "attributes, opset 6", [clip], opset=7, min=-1.0, max=0.5)
    yield case("Clip", "one attribute, opset 6", [clip], opset=10, max=0.5)
    types = [np.float32, np.float16, np.float64, np.int8, np.uint8, np.int32, np.int64, np.bool_]
    source = floats(-2.7, -0.5, 0.0, 0.5, 2.7, 100.9)
    for to in types[1:]:
        given = np.abs(source) if to is np.uint8 else source
        from onnx import helper
        yield case("Cast", f"float to {np.dtype(to).name}", [given], opset=13,
                   to=helper.np_dtype_to_tensor_dtype(np.dtype(to)), tolerance=1e-3 if to is np.float16 else 1e-5)
    for of in types[1:]:
        yield case("Cast", f"{np.dtype(of).name} to float", [np.abs(source).astype(of)], opset=13, to=1)
    yield case("Cast", "int64 to int32", [np.array([-5, 0, 2**31 - 1], np.int64)], opset=13, to=6)
    yield case("Cast", "int32 to uint8 wraps round", [np.array([-5, 0, 300], np.int32)], opset=13, to=2)
    yield case("Cast", "int64 to bool", [np.array([-5, 0, 3], np.int64)], opset=13, to=9)
    yield case("Cast", "bool to int64", [np.array([True, False])], opset=13, to=7)
    yield case("Cast", "float not a number to bool", [floats(np.nan, np.inf, -0.0)], opset=13, to=9)
    yield case("CastLike", "float to int64", [source, np.array([1], np.int64)], opset=15)
    yield case("CastLike", "int64 to float", [np.array([1, -2], np.int64), floats(1)], opset=15)
    yield case("CumSum", "axis 0", [numbers(3, 4), np.int64(0)], opset=14, const=[1])
    for exclusive in [0, 1]:
        for reverse in [0, 1]:
            yield case("CumSum", f"axis -1, exclusive={exclusive}, reverse={reverse}", [numbers(2, 5), np.int64(-1)],
                       opset=14, const=[1], exclusive=exclusive, reverse=reverse)
    yield case("CumSum", "integers, opset 11", [numbers(2, 5, low=-9, high=9, dtype=np.int32), np.int32(1)], opset=11,
               const=[1])
    for direction in ["LEFT", "RIGHT"]:
        yield case("BitShift", direction, [np.array([16, 4, 255], np.uint8), np.array([1, 2, 3], np.uint8)], opset=11,
                   direction=direction)
