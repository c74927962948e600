"""Normalisations."""

import numpy as np

from .common import case, numbers


def cases():
    x = numbers(2, 4, 3, 5)
    bn = [x, numbers(4), numbers(4, seed="b"), numbers(4, seed="m"), numbers(4, low=0.1, seed="v")]
    for opset in [7, 9, 14, 15]:
        yield case("BatchNormalization", "defaults", bn, opset=opset, const=[1, 2, 3, 4])
    yield case("BatchNormalization", "epsilon", bn, opset=15, const=[1, 2, 3, 4], epsilon=0.1)
    yield case("BatchNormalization", "momentum", bn, opset=15, const=[1, 2, 3, 4], momentum=0.5)
    yield case("BatchNormalization", "constants as inputs", bn, opset=15)
    yield case("BatchNormalization", "two dimensions", [numbers(3, 4)] + bn[1:], opset=15, const=[1, 2, 3, 4])
    yield case("BatchNormalization", "training_mode", bn, opset=15, outputs=3, training_mode=1)
    yield case("InstanceNormalization", "defaults", [x, numbers(4), numbers(4, seed="b")], opset=13, const=[1, 2])
    yield case("InstanceNormalization", "epsilon", [x, numbers(4), numbers(4, seed="b")], opset=13, const=[1, 2], epsilon=0.1)
    yield case("InstanceNormalization", "one dimension", [numbers(2, 4, 6), numbers(4), numbers(4, seed="b")], opset=13)
    for axis in [-1, 1, 2, 3, -2, 0]:
        shape = x.shape[axis:]
        yield case("LayerNormalization", f"axis={axis}", [x, numbers(*shape, seed="s"), numbers(*shape, seed="b")], opset=17,
                   const=[1, 2], axis=axis)
    yield case("LayerNormalization", "defaults, no bias", [x, numbers(5)], opset=17, const=[1])
    yield case("LayerNormalization", "epsilon", [x, numbers(5), numbers(5, seed="b")], opset=17, const=[1, 2], epsilon=0.1)
    yield case("LayerNormalization", "three outputs", [x, numbers(5), numbers(5, seed="b")], opset=17, const=[1, 2], outputs=3)
    yield case("LayerNormalization", "a scale that is broadcast", [x, numbers(3, 1), numbers(5, seed="b")], opset=17, axis=2)
    yield case("LayerNormalization", "numbers far from zero", [x + 1000, numbers(5), numbers(5, seed="b")], opset=17,
               const=[1, 2], tolerance=2e-3)
    yield case("LayerNormalization", "stash_type=1, half floats", [x.astype(np.float16), numbers(5).astype(np.float16)],
               opset=17, const=[1], stash_type=1, tolerance=5e-3)
    for groups in [1, 2, 4]:
        yield case("GroupNormalization", f"num_groups={groups}", [x, numbers(4), numbers(4, seed="b")], opset=21,
                   const=[1, 2], num_groups=groups)
        yield case("GroupNormalization", f"num_groups={groups}, a scale for each group",
                   [x, numbers(groups), numbers(groups, seed="b")], opset=18, const=[1, 2], num_groups=groups)
    yield case("GroupNormalization", "epsilon", [x, numbers(4), numbers(4, seed="b")], opset=21, const=[1, 2], num_groups=2,
               epsilon=0.1)
    yield case("GroupNormalization", "stash_type", [x, numbers(4), numbers(4, seed="b")], opset=21, const=[1, 2], num_groups=2, stash_type=1)
    for size in [1, 3, 5]:
        yield case("LRN", f"size={size}", [x], opset=13, size=size)
    yield case("LRN", "alpha, beta, bias", [x], opset=13, size=3, alpha=0.2, beta=0.5, bias=2.0)
    for p in [1, 2]:
        for axis in [-1, 0, 1]:
            yield case("LpNormalization", f"p={p}, axis={axis}", [numbers(2, 3, 4)], opset=13, p=p, axis=axis)
    yield case("LpNormalization", "a row of zeros", [np.zeros((2, 3), np.float32)], opset=13)
    yield case("MeanVarianceNormalization", "defaults", [x], opset=13)
    yield case("MeanVarianceNormalization", "axes", [x], opset=13, axes=[1, 2])
    yield case("MeanVarianceNormalization", "opset 9, negative axes", [x], opset=9, axes=[-1])
    for axis in [-1, 1, 2]:
        yield case("RMSNormalization", f"axis={axis}", [x, numbers(*x.shape[axis:], seed="s")], opset=23, const=[1], axis=axis)
    yield case("RMSNormalization", "epsilon", [x, numbers(5)], opset=23, const=[1], epsilon=0.1)
    yield case("Dropout", "opset 7", [x], opset=7, ratio=0.5)
    yield case("Dropout", "opset 13", [x, np.float32(0.5)], opset=13, const=[1])
    yield case("Dropout", "mask", [numbers(3)], opset=13, outputs=2)
    yield case("Dropout", "training_mode=false", [x, np.float32(0.5), np.array(False)], opset=13, const=[1, 2])
    yield case("Dropout", "training_mode=true, ratio=0", [x, np.float32(0.0), np.array(True)], opset=13, const=[1, 2])
