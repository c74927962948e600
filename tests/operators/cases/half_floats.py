"""Half floats in operators that ONNX Runtime itself may compute in 32 bits only: its answers are those of the same graph in 32
bits on the same numbers."""

import copy

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from generate import answers

from .common import case, ints, numbers


def halved(operator, tensors, opset=17, const=(), tried="half floats", **attributes):
    """`tensors` that are 32-bit floats become half floats, and numbers that half floats can be."""
    half = [t.astype(np.float16) if t is not None and t.dtype == np.float32 else t for t in tensors]
    single = [t.astype(np.float32) if t is not None and t.dtype == np.float16 else t for t in half]
    wide = case(operator, tried, single, opset=opset, const=const, **attributes)
    expected = [o.astype(np.float16) if o.dtype == np.float32 else o for o in answers(wide.model(), wide.inputs)]
    return case(operator, tried, half, opset=opset, const=const, tolerance=3e-3, expected=expected, **attributes)


def cases():
    x = numbers(1, 4, 5, 6)
    channels = lambda seed: numbers(4, low=0.5, high=1.5, seed=seed)
    yield halved("Gemm", [numbers(3, 4), numbers(5, 4), numbers(5)], const=[1, 2], transB=1)
    yield halved("Gemm", [numbers(3, 4), numbers(4, 5), numbers(5)], tried="half floats, alpha, beta", alpha=0.3, beta=-2.1)
    yield halved("Gemm", [numbers(3, 4), numbers(4, 5)], tried="half floats, no C", alpha=0.3)
    yield halved("Conv", [x, numbers(3, 4, 3, 3), numbers(3)], const=[1, 2], tried="half floats, bias", pads=[1, 1, 1, 1])
    yield halved("Conv", [x, numbers(4, 1, 3, 3), numbers(4)], const=[1, 2], tried="half floats, depthwise", group=4)
    yield halved("ConvTranspose", [x, numbers(4, 3, 2, 2), numbers(3)], const=[1, 2], strides=[2, 2])
    yield halved("BatchNormalization", [x] + [channels(s) for s in "abmv"], opset=15, const=[1, 2, 3, 4])
    yield halved("InstanceNormalization", [x, channels("a"), channels("b")], const=[1, 2])
    yield halved("GroupNormalization", [x, channels("a"), channels("b")], opset=21, const=[1, 2], num_groups=2)
    yield halved("LayerNormalization", [x, numbers(6), numbers(6, seed="b")], const=[1, 2], tried="half floats, bias")
    yield halved("LpNormalization", [x], axis=1)
    yield halved("LRN", [x], size=3)
    for operator in ["Celu", "Elu", "Erf", "Gelu", "HardSigmoid", "HardSwish", "LogSoftmax", "Mish", "Selu", "Softmax", "Softplus", "Softsign", "ThresholdedRelu"]:
        yield halved(operator, [x], opset=20)
    for operator in ["GlobalAveragePool", "GlobalMaxPool"]:
        yield halved(operator, [x])
    for operator in ["AveragePool", "MaxPool"]:
        yield halved(operator, [x], kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2])
    for operator in ["ReduceL2", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceSumSquare"]:
        yield halved(operator, [x, ints(1, 2)], opset=18, const=[1])
    yield halved("ArgMax", [x], axis=1)
    yield halved("Resize", [x, None, None, ints(1, 4, 9, 11)], const=[3], mode="linear")
    yield halved("GridSample", [x, numbers(1, 3, 3, 2, low=-1, high=1)], opset=20)
    yield halved("Einsum", [numbers(2, 3, 4), numbers(2, 4, 5)], equation="bij,bjk->bik")
    yield halved("PRelu", [x, channels("s").reshape(4, 1, 1)], const=[1])
    yield halved("Pad", [x, ints(0, 0, 1, 2, 0, 0, 0, 1), np.array(0.3, np.float32)], const=[1, 2])
    yield halved("Clip", [x, np.array(-0.7, np.float32), np.array(0.9, np.float32)], const=[1, 2])
    yield halved("Pow", [np.abs(x) + 0.1, np.array(1.5, np.float32)], const=[1])
    yield halved("Where", [x > 0, x, numbers(6)])
    yield halved("CumSum", [x, np.array(1)], const=[1])
    yield halved("TopK", [numbers(3, 7), ints(3)], const=[1], outputs=2)
    yield halved("ScatterND", [numbers(4, 3), np.array([[1], [3]]), numbers(2, 3, seed="u")], opset=18, const=[1])
    yield halved("Expand", [numbers(3, 1), ints(2, 3, 4)], const=[1])
    yield halved("MeanVarianceNormalization", [x])
    yield halved("LSTM", [numbers(4, 1, 3), numbers(1, 20, 3), numbers(1, 20, 5), numbers(1, 40), None, numbers(1, 1, 5), numbers(1, 1, 5, seed="c")], opset=14,
                 const=[1, 2, 3], hidden_size=5)
    value = numpy_helper.from_array(np.array([0.3], np.float16))
    yield case("ConstantOfShape", "value, half floats", [ints(2, 3)], const=[0], value=value)
    yield case("EyeLike", "dtype, half floats", [np.zeros((2, 3), np.float32)], dtype=TensorProto.FLOAT16, expected=[np.eye(2, 3, dtype=np.float16)])
    yield case("CastLike", "half floats", [numbers(5), np.zeros(1, np.float16)], tolerance=2e-3)
    yield bfloat16()


def bfloat16():
    """The brain float numbers of training, which no runtime here computes with: their sum by hand."""
    x, y = (numbers(6, seed=seed) for seed in "xy")
    cut = lambda v: (v.view(np.uint32) & 0xFFFF0000).view(np.float32)
    made = copy.copy(case("Add", "bfloat16", [cut(x), cut(y)], const=[1], expected=[cut(x) + cut(y)], tolerance=5e-3))
    bits = (cut(y).view(np.uint32) >> 16).astype(np.uint16)
    made.nodes = [helper.make_node("Cast", ["i0"], ["b"], name="cast", to=TensorProto.BFLOAT16), helper.make_node("Add", ["b", "i1"], ["s"], name="node"),
                  helper.make_node("Cast", ["s"], ["o0"], name="back", to=TensorProto.FLOAT)]
    made.constants = {"i1": helper.make_tensor("i1", TensorProto.BFLOAT16, [6], bits.tobytes(), raw=True)}
    return made
