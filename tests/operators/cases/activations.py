"""Activations and what normalises a line of them."""

import numpy as np

from .common import case, floats, numbers

EDGES = floats(-20, -3, -1, -0.5, -0.25, -0.0, 0.0, 0.25, 0.5, 1, 3, 20)


def cases():
    plain = {"Relu": 14, "Sigmoid": 13, "Softplus": 1, "Softsign": 1, "HardSwish": 14, "Mish": 18, "Elu": 6, "Selu": 6,
             "LeakyRelu": 16, "HardSigmoid": 6, "Celu": 12, "ThresholdedRelu": 10, "Shrink": 9, "Gelu": 20}
    for op, opset in plain.items():
        yield case(op, "defaults", [EDGES], opset=max(opset, 13))
        yield case(op, "a map", [numbers(1, 2, 3, 4, low=-4, high=4)], opset=max(opset, 13))
    for op in ["Relu", "Sigmoid", "Elu", "LeakyRelu", "Gelu", "HardSwish"]:
        yield case(op, "infinities", [floats(np.inf, -np.inf)], opset=20)
    for op in ["Relu", "Sigmoid", "LeakyRelu"]:
        yield case(op, "half floats", [numbers(7, dtype=np.float16)], opset=16, tolerance=2e-3)
    yield case("Relu", "integers", [np.array([-3, 0, 4], np.int32)], opset=14)
    yield case("Elu", "alpha=0.5", [EDGES], opset=6 + 7, alpha=0.5)
    yield case("Celu", "alpha=0.5", [EDGES], opset=12, alpha=0.5)
    yield case("Celu", "alpha=2", [EDGES], opset=12, alpha=2.0)
    yield case("Celu", "alpha=-1.5", [floats(-1, -0.5, 0, 0.5, 1)], opset=12, alpha=-1.5)
    yield case("Selu", "alpha, gamma", [EDGES], opset=13, alpha=2.0, gamma=3.0)
    yield case("LeakyRelu", "alpha=0.1", [EDGES], opset=16, alpha=0.1)
    yield case("LeakyRelu", "alpha=-0.5", [EDGES], opset=16, alpha=-0.5)
    yield case("LeakyRelu", "alpha=1.5", [EDGES], opset=16, alpha=1.5)
    yield case("HardSigmoid", "alpha, beta", [EDGES], opset=13, alpha=0.5, beta=0.25)
    yield case("HardSigmoid", "alpha negative", [EDGES], opset=13, alpha=-0.5, beta=0.25)
    yield case("ThresholdedRelu", "alpha=0.5", [EDGES], opset=10, alpha=0.5)
    yield case("ThresholdedRelu", "alpha=-0.5", [EDGES], opset=10, alpha=-0.5)
    yield case("Shrink", "lambd=1, bias=0.5", [EDGES], opset=9, lambd=1.0, bias=0.5)
    yield case("Shrink", "lambd=0.25", [EDGES], opset=9, lambd=0.25)
    for approximate in ["none", "tanh"]:
        yield case("Gelu", f"approximate={approximate}", [EDGES], opset=20, approximate=approximate)
    yield case("PRelu", "a slope for all", [EDGES, floats(0.25)], opset=16, const=[1])
    yield case("PRelu", "a slope for each channel", [numbers(1, 3, 2, 2), numbers(3, 1, 1)], opset=16, const=[1])
    yield case("PRelu", "a slope of the whole shape", [numbers(1, 3, 2, 2), numbers(1, 3, 2, 2, seed="b")], opset=9)
    yield case("PRelu", "a slope as an input", [numbers(1, 3, 2, 2), numbers(3, 1, 1)], opset=7)
    x = numbers(2, 3, 4)
    for given in [{}, {"alpha": 1.5}, {"alpha": -0.5}]:
        steep = EDGES.astype(np.float64) * given.get("alpha", 1.0)
        with np.errstate(over="ignore"):
            swish = (EDGES / (1 + np.exp(-steep))).astype(np.float32)
        yield case("Swish", ", ".join(f"{n}={v}" for n, v in given.items()) or "defaults", [EDGES], opset=24, expected=[swish], **given)
    for op in ["Softmax", "LogSoftmax", "Hardmax"]:
        for axis in [None, 0, 1, 2, -1, -2]:
            given = {} if axis is None else {"axis": axis}
            yield case(op, f"axis={axis if axis is not None else 'default'}", [x], opset=13, **given)
            yield case(op, f"axis={axis if axis is not None else 'default'}, flattening", [x], opset=11, **given)
        yield case(op, "a row far from zero", [floats(1000, 1001, 998, -1000).reshape(1, 4)], opset=13)
        yield case(op, "four dimensions, axis=1", [numbers(1, 3, 2, 2)], opset=13, axis=1)
        yield case(op, "ties", [floats(1, 2, 2, 0).reshape(1, 4)], opset=13)
    yield case("Softmax", "a masked row", [floats(1, -np.inf, 2, -np.inf).reshape(1, 4)], opset=13)
    yield case("Softmax", "half floats", [x.astype(np.float16)], opset=13, tolerance=2e-3)
