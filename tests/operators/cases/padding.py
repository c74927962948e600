"""Padding: modes, amounts below zero, axes."""

import numpy as np

from .common import case, ints, numbers


def cases():
    x = numbers(1, 2, 4, 5)
    for mode, opset in [("constant", 13), ("reflect", 13), ("edge", 13), ("wrap", 19)]:
        yield case("Pad", f"{mode}, symmetrical", [x, ints(0, 0, 1, 1, 0, 0, 1, 1)], opset=opset, const=[1], mode=mode)
        yield case("Pad", f"{mode}, asymmetrical", [x, ints(0, 0, 2, 0, 0, 0, 1, 3)], opset=opset, const=[1], mode=mode)
        yield case("Pad", f"{mode}, channels too", [x, ints(0, 1, 0, 1, 0, 0, 1, 0)], opset=opset, const=[1], mode=mode)
        yield case("Pad", f"{mode}, cuts off", [x, ints(0, 0, -1, 0, 0, 0, 0, -2)], opset=opset, const=[1], mode=mode)
        yield case("Pad", f"{mode}, cuts off and adds", [x, ints(0, 0, -1, 2, 0, 0, 2, -1)], opset=opset, const=[1], mode=mode)
        yield case("Pad", f"{mode}, axes", [x, ints(1, 2, 1, 0), None, ints(2, 3)], opset=max(opset, 18), const=[1, 3],
                   mode=mode)
        yield case("Pad", f"{mode}, negative axes", [x, ints(1, 2, 1, 0), None, ints(-1, -2)], opset=max(opset, 18),
                   const=[1, 3], mode=mode)
        yield case("Pad", f"{mode}, integers", [numbers(4, low=-9, high=9, dtype=np.int32), ints(2, 1)], opset=opset, const=[1],
                   mode=mode)
        yield case("Pad", f"{mode}, nothing", [x, ints(0, 0, 0, 0, 0, 0, 0, 0)], opset=opset, const=[1], mode=mode)
    yield case("Pad", "a value", [x, ints(0, 0, 1, 1, 0, 0, 1, 1), np.float32(-3.5)], opset=13, const=[1, 2])
    yield case("Pad", "a value as an input", [x, ints(0, 0, 1, 1, 0, 0, 1, 1), np.float32(-3.5)], opset=13, const=[1])
    yield case("Pad", "minus infinity", [x, ints(0, 0, 1, 1, 0, 0, 1, 1), np.float32(-np.inf)], opset=13, const=[1, 2])
    yield case("Pad", "a value, cuts off", [x, ints(0, 0, 1, -1, 0, 0, -1, 1), np.float32(-3.5)], opset=13, const=[1, 2])
    yield case("Pad", "truth values", [np.array([True, False]), ints(1, 1), np.array(True)], opset=13, const=[1, 2])
    yield case("Pad", "opset 11, reflect", [x, ints(0, 0, 1, 1, 0, 0, 2, 2)], opset=11, const=[1], mode="reflect")
    for mode in ["constant", "reflect", "edge"]:
        yield case("Pad", f"attributes, {mode}", [x], opset=7, pads=[0, 0, 1, 2, 0, 0, 0, 1], mode=mode,
                   **({"value": 2.5} if mode == "constant" else {}))
    yield case("Pad", "reflect by all but one", [numbers(1, 1, 3, 4), ints(0, 0, 2, 3, 0, 0, 2, 3)], opset=13, const=[1], mode="reflect")
    yield case("Pad", "wrap by more than the length", [numbers(3), ints(4, 5)], opset=19, const=[1], mode="wrap")
