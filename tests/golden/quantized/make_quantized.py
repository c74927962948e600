"""Makes a small network in both of ONNX's quantised forms, and the answers of ONNX Runtime.

    python tests/golden/quantized/make_quantized.py        needs onnx, onnxruntime and numpy

qdq.onnx has activations of int8, qoperator.onnx of uint8; both have int8 weights, a scale for each output channel.
input.f32 holds one input [1, 3, 32, 32], qdq.f32 and qoperator.f32 the outputs [1, 4, 16, 16], as little-endian floats.
"""

import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

HERE = Path(__file__).parent
CHANNELS, OUTPUTS, SIDE = 16, 4, 32
RANDOM = np.random.default_rng(7)


def network():
    nodes, weights = [], []

    def conv(name, source, channels_in, channels_out):
        kernel = RANDOM.normal(0, np.sqrt(2 / (9 * channels_in)), (channels_out, channels_in, 3, 3))
        bias = RANDOM.normal(0, 0.1, channels_out)
        for suffix, array in (("weight", kernel), ("bias", bias)):
            weights.append(numpy_helper.from_array(array.astype(np.float32), f"{name}.{suffix}"))
        inputs = [source, f"{name}.weight", f"{name}.bias"]
        nodes.append(helper.make_node("Conv", inputs, [name], name=f"{name}/Conv", pads=[1] * 4, kernel_shape=[3, 3]))
        return name

    def op(op_type, inputs, output, **attributes):
        nodes.append(helper.make_node(op_type, inputs, [output], name=f"{output}/{op_type}", **attributes))
        return output

    first = op("Relu", [conv("stem", "image", 3, CHANNELS)], "stem_relu")
    second = conv("body", first, CHANNELS, CHANNELS)
    joined = op("Relu", [op("Add", [first, second], "sum")], "sum_relu")
    pooled = op("MaxPool", [joined], "pooled", kernel_shape=[2, 2], strides=[2, 2])
    conv("head", pooled, CHANNELS, OUTPUTS)
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, SIDE, SIDE])
    head = helper.make_tensor_value_info("head", TensorProto.FLOAT, [1, OUTPUTS, SIDE // 2, SIDE // 2])
    graph = helper.make_graph(nodes, "small-cnn", [image], [head], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


class Images(CalibrationDataReader):
    def __init__(self, images):
        self.left = iter(images)

    def get_next(self):
        image = next(self.left, None)
        return None if image is None else {"image": image}


def answers(path, image):
    # Unoptimised: fused integer kernels of some processors saturate in between.
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return session.run(None, {"image": image})[0]


def main():
    images = RANDOM.normal(0, 1, (8, 1, 3, SIDE, SIDE)).astype(np.float32)
    images[0].astype("<f4").tofile(HERE / "input.f32")
    with tempfile.TemporaryDirectory() as scratch:
        whole = Path(scratch) / "float.onnx"
        onnx.save(network(), whole)
        exact = answers(whole, images[0])
        for name, form, activations in (
            ("qdq", QuantFormat.QDQ, QuantType.QInt8),
            ("qoperator", QuantFormat.QOperator, QuantType.QUInt8),
        ):
            path = HERE / f"{name}.onnx"
            quantize_static(
                whole,
                path,
                Images(images),
                quant_format=form,
                activation_type=activations,
                weight_type=QuantType.QInt8,
                per_channel=True,
                reduce_range=True,
            )
            output = answers(path, images[0])
            output.astype("<f4").tofile(HERE / f"{name}.f32")
            print(name, {n.op_type for n in onnx.load(path).graph.node}, "off by", np.abs(output - exact).max())


if __name__ == "__main__":
    main()
