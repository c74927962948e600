"""Makes the tiny models of tests/model.rs, the broken ones in bad/, and the answers of ONNX Runtime in references.json.

    python tests/models/make_tiny.py        needs onnx, onnxruntime and numpy

The tiny models have the signatures of the real families and weights chosen so that a test can tell what they should
answer: masks are positive around foreground clicks and in boxes, negative around background clicks and elsewhere.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

HERE = Path(__file__).parent
OPSET = [helper.make_opsetid("", 17)]
F, I64 = TensorProto.FLOAT, TensorProto.INT64


def pattern(*shape, seed=0):
    """Numbers from -0.5 to 0.5 that Rust computes alike: ((i * 37 + seed) mod 101) / 101 - 0.5."""
    i = np.arange(np.prod(shape), dtype=np.int64)
    return (((i * 37 + seed) % 101).astype(np.float32) / np.float32(101) - np.float32(0.5)).reshape(shape)


class Graph:
    def __init__(self, name, inputs, outputs, elem=F):
        self.name, self.nodes, self.init, self.elem = name, [], [], elem
        self.inputs = [helper.make_tensor_value_info(n, t if isinstance(t, int) else F, s) for n, t, s in inputs]
        self.outputs = [helper.make_tensor_value_info(n, t, s) for n, t, s in outputs]

    def const(self, name, array):
        array = np.asarray(array)
        if array.dtype == np.float64 or (array.dtype == np.float32 and self.elem != F):
            array = array.astype(np.float16 if self.elem == TensorProto.FLOAT16 else np.float32)
        self.init.append(numpy_helper.from_array(array, name))
        return name

    def add(self, op, inputs, output, **attributes):
        outputs = output if isinstance(output, list) else [output]
        self.nodes.append(helper.make_node(op, inputs, outputs, name=f"{outputs[0]}_node", **attributes))
        return output

    def model(self):
        graph = helper.make_graph(self.nodes, self.name, self.inputs, self.outputs, self.init)
        return helper.make_model(graph, opset_imports=OPSET, ir_version=8)

    def save(self, path):
        model = self.model()
        onnx.checker.check_model(model)
        onnx.save(model, HERE / path)


def foveate_encoder(path, elem=F):
    g = Graph(
        "tiny-encoder",
        [("image", elem, [1, 3, "H", "W"])],
        [("embedding", elem, [1, 4, "H8", "W8"]), ("skip", elem, [1, 2, "H4", "W4"])],
        elem,
    )
    g.const("stem.weight", pattern(4, 3, 3, 3, seed=3))
    g.const("stem.bias", pattern(4, seed=5))
    g.const("skip.weight", pattern(2, 4, 1, 1, seed=7))
    g.const("body.weight", pattern(4, 4, 3, 3, seed=11))
    g.add("Conv", ["image", "stem.weight", "stem.bias"], "stem", kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    g.add("Relu", ["stem"], "stem.relu")
    g.add("AveragePool", ["stem.relu"], "quarter", kernel_shape=[2, 2], strides=[2, 2])
    g.add("Conv", ["quarter", "skip.weight"], "skip", kernel_shape=[1, 1])
    g.add("Conv", ["quarter", "body.weight"], "body", kernel_shape=[3, 3], strides=[1, 1], pads=[1] * 4)
    g.add("Add", ["body", "quarter"], "residual")
    g.add("Relu", ["residual"], "residual.relu")
    g.add("AveragePool", ["residual.relu"], "embedding", kernel_shape=[2, 2], strides=[2, 2])
    g.save(path)


def foveate_decoder(path):
    g = Graph(
        "tiny-decoder",
        [
            ("embedding", F, [1, 4, "H8", "W8"]),
            ("skip", F, [1, 2, "H4", "W4"]),
            ("prompt_maps", F, ["N", 3, "H4", "W4"]),
            ("mask_input", F, ["N", 1, "H2", "W2"]),
        ],
        [("logits", F, ["N", 3, "H2", "W2"]), ("iou", F, ["N", 3])],
    )
    prompt = np.array([[8, -8, 6], [10, -10, 5], [6, -6, 8]], np.float32).reshape(3, 3, 1, 1)
    g.const("prompt.weight", prompt)
    g.const("prompt.bias", np.array([-3, -2, -4], np.float32))
    g.const("skip.weight", pattern(3, 2, 1, 1, seed=13))
    g.const("embedding.weight", pattern(3, 4, 1, 1, seed=17))
    g.const("scales", np.array([1, 1, 2, 2], np.float32))
    g.const("prior.weight", np.array([0.5], np.float32))
    up = dict(mode="linear", coordinate_transformation_mode="half_pixel")
    g.add("Conv", ["prompt_maps", "prompt.weight", "prompt.bias"], "prompt", kernel_shape=[1, 1])
    g.add("Conv", ["skip", "skip.weight"], "skip.mixed", kernel_shape=[1, 1])
    g.add("Conv", ["embedding", "embedding.weight"], "embedding.mixed", kernel_shape=[1, 1])
    g.add("Resize", ["embedding.mixed", "", "scales"], "embedding.up", **up)
    g.add("Add", ["skip.mixed", "embedding.up"], "image")
    g.add("Add", ["prompt", "image"], "coarse")
    g.add("Resize", ["coarse", "", "scales"], "coarse.up", **up)
    g.add("Mul", ["mask_input", "prior.weight"], "prior")
    g.add("Add", ["coarse.up", "prior"], "logits")
    g.add("ReduceMean", ["logits"], "mean", axes=[2, 3], keepdims=0)
    g.add("Sigmoid", ["mean"], "iou")
    g.save(path)


SIDE, CELLS = 64, 16  # input and mask sides of the SAM-shaped model; the embedding's is 4


def sam_encoder(path, side=SIDE):
    g = Graph("tiny-sam-encoder", [("images", F, [1, 3, side, side])], [("embeddings", F, [1, 8, 4, 4])])
    g.const("weight", pattern(8, 3, 1, 1, seed=19))
    g.add("AveragePool", ["images"], "pooled", kernel_shape=[side // 4] * 2, strides=[side // 4] * 2)
    g.add("Conv", ["pooled", "weight"], "embeddings", kernel_shape=[1, 1])
    g.save(path)


def sam_decoder(path, orig_im_size):
    inputs = [
        ("image_embeddings", F, [1, 8, 4, 4]),
        ("point_coords", F, [1, "num_points", 2]),
        ("point_labels", F, [1, "num_points"]),
        ("mask_input", F, [1, 1, CELLS, CELLS]),
        ("has_mask_input", F, [1]),
    ] + ([("orig_im_size", F, [2])] if orig_im_size else [])
    outputs = [("masks", F, [1, 4, "height", "width"]), ("iou_predictions", F, [1, 4]), ("low_res_masks", F, [1, 4, CELLS, CELLS])]
    g = Graph("tiny-sam-decoder", inputs, outputs)
    centers = (np.arange(CELLS, dtype=np.float32) + 0.5) * (SIDE / CELLS)
    grid = np.stack(np.meshgrid(centers, centers), -1).reshape(1, CELLS * CELLS, 1, 2)
    g.const("grid", grid)
    g.const("half", np.float32(0.5))
    g.const("axis1", np.array([1], np.int64))
    g.const("axis_last", np.array([-1], np.int64))
    g.const("spread", np.float32(-1 / (2 * 8.0**2)))
    g.add("Add", ["point_coords", "half"], "centred")
    g.add("Unsqueeze", ["centred", "axis1"], "centred4")
    g.add("Sub", ["grid", "centred4"], "offset")
    g.add("Mul", ["offset", "offset"], "offset2")
    g.add("ReduceSum", ["offset2", "axis_last"], "distance2", keepdims=0)
    g.add("Mul", ["distance2", "spread"], "exponent")
    g.add("Exp", ["exponent"], "bell")  # [1, cells, N]
    weights = {"foreground": (1.0, 9.0), "background": (0.0, -9.0), "topleft": (2.0, 5.0), "bottomright": (3.0, 5.0)}
    g.const("zero", np.float32(0))
    terms = []
    for name, (label, weight) in weights.items():
        g.const(f"{name}.label", np.float32(label))
        g.const(f"{name}.weight", np.float32(weight))
        g.add("Equal", ["point_labels", f"{name}.label"], f"{name}.is")
        terms.append(g.add("Where", [f"{name}.is", f"{name}.weight", "zero"], f"{name}.sign"))
    g.add("Sum", terms, "sign")
    g.add("Unsqueeze", ["sign", "axis_last"], "sign.column")  # [1, N, 1]
    g.add("MatMul", ["bell", "sign.column"], "answer")
    g.const("plane", np.array([1, 1, CELLS, CELLS], np.int64))
    g.add("Reshape", ["answer", "plane"], "answer.plane")
    g.const("strength", np.array([1.0, 0.8, 1.2, 1.6], np.float32).reshape(1, 4, 1, 1))
    g.const("level", np.array([-2.0, -3.0, -2.0, -1.5], np.float32).reshape(1, 4, 1, 1))
    g.add("Mul", ["answer.plane", "strength"], "scaled")
    g.add("Add", ["scaled", "level"], "prompted")
    g.add("Mul", ["mask_input", "has_mask_input"], "prior")
    g.add("Add", ["prompted", "prior"], "with_prior")
    g.const("weight", pattern(4, 8, 1, 1, seed=23) * 0.1)
    g.const("scales", np.array([1, 1, 4, 4], np.float32))
    g.add("Conv", ["image_embeddings", "weight"], "image", kernel_shape=[1, 1])
    up = dict(mode="linear", coordinate_transformation_mode="half_pixel")
    g.add("Resize", ["image", "", "scales"], "image.up", **up)
    g.add("Add", ["with_prior", "image.up"], "low_res_masks")
    g.add("ReduceMean", ["low_res_masks"], "mean", axes=[2, 3], keepdims=0)
    g.add("Sigmoid", ["mean"], "iou_predictions")
    if orig_im_size:
        g.const("batch", np.array([1, 4], np.int64))
        g.add("Cast", ["orig_im_size"], "size", to=I64)
        g.add("Concat", ["batch", "size"], "sizes", axis=0)
        g.add("Resize", ["low_res_masks", "", "", "sizes"], "masks", **up)
    else:
        g.add("Resize", ["low_res_masks", "", "scales"], "masks", **up)
    g.save(path)


def run(path, wanted, **inputs):
    session = onnxruntime.InferenceSession(str(HERE / path), providers=["CPUExecutionProvider"])
    answers = session.run(wanted, inputs)
    return {n: {"shape": a.shape, "data": [float(f"{v:.7g}") for v in a.ravel()]} for n, a in zip(wanted, answers)}


def references():
    points = np.array([[[20.0, 12.5], [40.0, 50.0], [0, 0], [0, 0]]], np.float32)
    labels = np.array([[1, 0, -1, -1]], np.float32)
    sam = dict(
        image_embeddings=pattern(1, 8, 4, 4, seed=29),
        point_coords=points,
        point_labels=labels,
        mask_input=pattern(1, 1, CELLS, CELLS, seed=31),
        has_mask_input=np.array([1], np.float32),
    )
    low = ["low_res_masks", "iou_predictions"]
    return {
        "foveate_encoder.onnx": run("foveate_encoder.onnx", ["embedding", "skip"], image=pattern(1, 3, 32, 64, seed=1)),
        "foveate_decoder.onnx": run(
            "foveate_decoder.onnx",
            ["logits", "iou"],
            embedding=pattern(1, 4, 4, 8, seed=29),
            skip=pattern(1, 2, 8, 16, seed=31),
            prompt_maps=pattern(1, 3, 8, 16, seed=37),
            mask_input=pattern(1, 1, 16, 32, seed=41),
        ),
        "sam_encoder.onnx": run("sam_encoder.onnx", ["embeddings"], images=pattern(1, 3, SIDE, SIDE, seed=1)),
        "sam_decoder.onnx": run("sam_decoder.onnx", low, **sam),
        "sam_decoder_sized.onnx": run(
            "sam_decoder_sized.onnx", low, **sam, orig_im_size=np.array([48, 64], np.float32)
        ),
    }


def claim(tensor_dims, raw=b""):
    """An initializer that claims dims without having the data."""
    return TensorProto(name="weights", data_type=F, dims=tensor_dims, raw_data=raw)


def bad(name, nodes, inputs, outputs, init):
    graph = helper.make_graph(nodes, name, inputs, outputs, init)
    # Not `onnx.save`, which would refuse some of them.
    model = helper.make_model(graph, opset_imports=OPSET, ir_version=8)
    (HERE / "bad" / f"{name}.onnx").write_bytes(model.SerializeToString())


def bad_models():
    x = helper.make_tensor_value_info("x", F, [1, 4])
    y = helper.make_tensor_value_info("y", F, None)
    huge = numpy_helper.from_array(np.array([10**9, 10**9], np.int64), "huge")
    node = helper.make_node
    bad("huge_weights", [node("Add", ["x", "weights"], ["y"], name="sum")], [x], [y], [claim([10**9, 10**9])])
    bad("short_weights", [node("Add", ["x", "weights"], ["y"], name="sum")], [x], [y], [claim([4, 4], b"\0" * 8)])
    bad("negative_weights", [node("Add", ["x", "weights"], ["y"], name="sum")], [x], [y], [claim([-4])])
    big = helper.make_tensor_value_info("x", F, [10**9, 10**9])
    bad("huge_input", [node("Relu", ["x"], ["y"], name="act")], [big], [y], [])
    fill = node("ConstantOfShape", ["huge"], ["filled"], name="fill")
    bad("huge_fill", [fill, node("Add", ["x", "filled"], ["y"], name="sum")], [x], [y], [huge])
    expand = node("Expand", ["x", "wide"], ["y"], name="expand")
    wide = [
        numpy_helper.from_array(np.array([10**6, 1], np.int64), "some"),
        numpy_helper.from_array(np.array([10**3, 4], np.int64), "more"),
    ]
    bad("huge_expand", [node("Mul", ["some", "more"], ["wide"], name="mul"), expand], [x], [y], wide)
    tile = numpy_helper.from_array(np.array([10**5, 10**5], np.int64), "times")
    bad("huge_tile", [node("Tile", ["x", "times"], ["y"], name="tile")], [x], [y], [tile])
    unknown = node("FlashUnicorn", ["x"], ["y"], name="layer7/attention", domain="com.example")
    bad("unknown_operator", [unknown], [x], [y], [])
    external = claim([4])
    external.data_location = TensorProto.EXTERNAL
    external.external_data.add(key="location", value="../../../../etc/passwd")
    bad("external_weights", [node("Add", ["x", "weights"], ["y"], name="sum")], [x], [y], [external])
    cycle = [node("Add", ["x", "b"], ["a"], name="first"), node("Relu", ["a"], ["b"], name="second")]
    bad("cycle", cycle, [x], [helper.make_tensor_value_info("b", F, None)], [])
    bad("missing_output", [node("Relu", ["x"], ["z"], name="act")], [x], [y], [])
    bad("missing_input", [node("Add", ["x", "nowhere"], ["y"], name="sum")], [x], [y], [])
    weights = numpy_helper.from_array(np.zeros((4, 2, 3, 3), np.float32), "weights")
    conv = node("Conv", ["x", "weights"], ["y"], name="conv")
    image = helper.make_tensor_value_info("x", F, [1, 3, 8, 8])
    bad("wrong_channels", [conv], [image], [y], [weights])
    chain = [node("Relu", ["x" if i == 0 else f"t{i}"], ["y" if i == 99 else f"t{i + 1}"]) for i in range(100)]
    bad("hundred_nodes", chain, [x], [y], [])


def manifest():
    sha = lambda name: hashlib.sha256((HERE / name).read_bytes()).hexdigest()
    entry = """
[[model]]
name = "{name}"
family = "{family}"
description = "A few weights with the signature of the family, for tests."
licence = "MIT OR Apache-2.0"
source = "tests/models/make_tiny.py"
input = {input}
{sizes}normalization = {normalization}
[model.files.{precision}]
encoder = {{ path = "{encoder}", sha256 = "{encoder_sha}" }}
decoder = {{ path = "{decoder}", sha256 = "{decoder_sha}" }}
"""
    unit = "{ mean = [0.485, 0.456, 0.406], std = [0.229, 0.224, 0.225] }"
    byte = "{ mean = [123.675, 116.28, 103.53], std = [58.395, 57.12, 57.375], white = 255 }"
    sizes = "sizes = { multiple = 8, min = 16, max = 128 }\n"
    models = [
        ("tiny", "foveate", "[64, 64]", sizes, unit, "f32", "foveate_encoder.onnx", "foveate_decoder.onnx"),
        ("tiny-half", "foveate", "[64, 64]", sizes, unit, "f16", "foveate_encoder_f16.onnx", "foveate_decoder.onnx"),
        ("tiny-sam", "sam", "[64, 64]", "", byte, "f32", "sam_encoder.onnx", "sam_decoder.onnx"),
        ("tiny-sam-sized", "sam", "[64, 64]", "", byte, "f32", "sam_encoder.onnx", "sam_decoder_sized.onnx"),
    ]
    text = "# Written by make_tiny.py.\n"
    for name, family, size, sizes, normalization, precision, encoder, decoder in models:
        text += entry.format(
            name=name, family=family, input=size, sizes=sizes, normalization=normalization, precision=precision,
            encoder=encoder, encoder_sha=sha(encoder), decoder=decoder, decoder_sha=sha(decoder),
        )
    (HERE / "manifest.toml").write_text(text)


if __name__ == "__main__":
    (HERE / "bad").mkdir(exist_ok=True)
    foveate_encoder("foveate_encoder.onnx")
    foveate_encoder("foveate_encoder_f16.onnx", TensorProto.FLOAT16)
    foveate_decoder("foveate_decoder.onnx")
    sam_encoder("sam_encoder.onnx")
    # It looks at half of the pixels that the decoder's points lie on.
    sam_encoder("sam_encoder_half.onnx", SIDE // 2)
    sam_decoder("sam_decoder.onnx", orig_im_size=False)
    sam_decoder("sam_decoder_sized.onnx", orig_im_size=True)
    bad_models()
    (HERE / "references.json").write_text(json.dumps(references()))
    manifest()
