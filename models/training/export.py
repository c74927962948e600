"""Writes foveate-encoder.onnx and foveate-decoder.onnx (batch norms folded, opset 17) from a checkpoint.

Both graphs are checked against the PyTorch modules at two sizes and two numbers of prompts before they count.
"""

import argparse
import copy
import hashlib
import math
import re
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from model import ConvBN, MaskEncoder, Net
from onnx_decoder import OnnxDecoder
from restore import take

MANIFEST = """\
# The bundled models; docs/adding-a-model.md describes every key. The first one is the default.
[[model]]
name = "foveate"
family = "foveate"
description = "Bundled: a small convolutional encoder and decoder for boards, 256x256"
licence = "Apache-2.0"
source = "models/training (see MODEL_CARD.md)"
input = [256, 256]
sizes = { multiple = 32, min = 128, max = 512 }
normalization = { mean = [0.485, 0.456, 0.406], std = [0.229, 0.224, 0.225] }

[model.files.f32]
encoder = { path = "foveate-encoder.onnx", sha256 = "" }
decoder = { path = "foveate-decoder.onnx", sha256 = "" }
"""
PARTS = ("encoder", "decoder")
INPUTS = {"encoder": ["image"], "decoder": ["embedding", "skip", "prompt_maps", "mask_input"]}
OUTPUTS = {"encoder": ["embedding", "skip"], "decoder": ["logits", "iou"]}
AXES = {
    "image": {2: "H", 3: "W"},
    "embedding": {2: "H8", 3: "W8"},
    "skip": {2: "H4", 3: "W4"},
    "likeness": {2: "H8", 3: "W8"},
    "prompt_maps": {0: "N", 2: "H4", 3: "W4"},
    "mask_input": {0: "N", 2: "H2", 3: "W2"},
    "logits": {0: "N", 2: "H2", 3: "W2"},
    "iou": {0: "N"},
}
# What the runtime may have to run; a new operator here is a decision, not an accident.
OPERATORS = {
    "Add",
    "AveragePool",
    "Clip",
    "Concat",
    "Constant",
    "Conv",
    "DepthToSpace",
    "Div",
    "Einsum",
    "MatMul",
    "Max",
    "Min",
    "Mul",
    "ReduceMean",
    "ReduceSum",
    "Relu",
    "Reshape",
    "Resize",
    "Sigmoid",
    "Slice",
    "Sqrt",
    "Squeeze",
    "Sub",
    "Tanh",
    "Transpose",
    "Unsqueeze",
}
TOLERANCE = 1e-4


def fold(module: nn.Module) -> None:
    """Folds every batch norm into the convolution before it, in place."""
    for child in module.modules():
        if isinstance(child, ConvBN):
            child[0] = fuse_conv_bn_eval(child[0], child[1])
            child[1] = nn.Identity()


def load_net(checkpoint: Path | None) -> Net:
    """The averaged weights of a run, or random ones."""
    torch.manual_seed(0)
    net = Net()
    if checkpoint:
        take(net, checkpoint)
    return net.eval()


def example(height: int, width: int, prompts: int) -> dict[str, Tensor]:
    """Random inputs of both graphs, sides in pixels, with prompts as dense as a box makes them."""
    draw = torch.Generator().manual_seed(prompts)
    return {
        "image": torch.randn(1, 3, height, width, generator=draw),
        "prompt_maps": torch.rand(prompts, 3, height // 4, width // 4, generator=draw),
        "mask_input": 5 * torch.randn(prompts, 1, height // 2, width // 2, generator=draw),
    }


def answer(net: Net, values: dict[str, Tensor]) -> dict[str, Tensor]:
    """`values` with what the PyTorch modules make of them."""
    embedding, skip, likeness = net.encoder(values["image"])
    logits, iou = net.decoder(embedding, skip, values["prompt_maps"], values["mask_input"])
    return {**values, "embedding": embedding, "skip": skip, "likeness": likeness, "logits": logits, "iou": iou}


def write(part: str, outputs: list[str], module: nn.Module, values: dict[str, Tensor], path: Path) -> None:
    """Traces one half into `path`."""
    names = INPUTS[part] + outputs
    torch.onnx.export(
        module,
        tuple(values[n] for n in INPUTS[part]),
        str(path),
        input_names=INPUTS[part],
        output_names=outputs,
        dynamic_axes={n: AXES[n] for n in names},
        opset_version=17,
        dynamo=False,
        do_constant_folding=True,
    )


def check(part: str, outputs: list[str], path: Path, values: dict[str, Tensor]) -> float:
    """Largest difference of the outputs from `values`, relative to each output's largest value or 1."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    got = session.run(outputs, {n: values[n].numpy() for n in INPUTS[part]})
    worst = 0.0
    for name, out in zip(outputs, got, strict=True):
        expected = values[name].numpy()
        if out.shape != expected.shape:
            raise SystemExit(f"{path.name}: {name} is {out.shape}, not {expected.shape}")
        worst = max(worst, float(np.abs(out - expected).max()) / max(1.0, float(np.abs(expected).max())))
    if not worst <= TOLERANCE:
        raise SystemExit(f"{path.name} answers differently from PyTorch: {worst:.1e} above {TOLERANCE:.0e}")
    return worst


def fixed(path: Path, values: dict[str, Tensor]) -> onnx.GraphProto:
    """The file's graph with every shape inferred for the sizes of `values`."""
    model = onnx.load(path)
    for value in [*model.graph.input, *model.graph.output]:
        for dim, size in zip(value.type.tensor_type.shape.dim, values[value.name].shape, strict=True):
            dim.dim_value = size
    return onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True).graph


def macs(graph: onnx.GraphProto) -> int:
    """Multiply-accumulates of the convolutions of a graph of fixed sizes."""
    known = [*graph.value_info, *graph.output]
    shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in known}
    weights = {w.name: list(w.dims) for w in graph.initializer}
    return sum(
        math.prod(shapes[node.output[0]]) * math.prod(weights[node.input[1]][1:])
        for node in graph.node
        if node.op_type == "Conv"
    )


def describe(part: str, path: Path, values: dict[str, Tensor]) -> None:
    """Prints parameters, MACs and operators, and refuses operators that are not in `OPERATORS`."""
    graph = fixed(path, values)
    operators = Counter(node.op_type for node in graph.node)
    if strange := set(operators) - OPERATORS:
        raise SystemExit(f"{path.name} uses {', '.join(sorted(strange))}, which is not in OPERATORS")
    parameters = sum(math.prod(w.dims) for w in graph.initializer)
    height, width = values["image"].shape[2:]
    print(
        f"{part}: {parameters:,} parameters, {macs(graph) / 1e6:.1f} M MACs at {width}x{height}, "
        f"{dict(sorted(operators.items()))}"
    )


def pin(manifest: Path, files: dict[str, Path]) -> None:
    """Writes the files' SHA-256 into a manifest, which is created if absent."""
    text = manifest.read_text() if manifest.exists() else MANIFEST
    for path in files.values():
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        entry = re.compile(rf'(path = "{re.escape(path.name)}", sha256 = ")[0-9a-f]*(")')
        text, found = entry.subn(rf"\g<1>{digest}\g<2>", text)
        if found == 0:
            raise SystemExit(f"{manifest}: no entry for {path.name}")
    manifest.write_text(text)


def export(net: Net, out: Path, likeness: bool = False) -> dict[str, Path]:
    """Writes, checks and describes both halves, the encoder with its head of likeness if asked for; their paths."""
    out.mkdir(parents=True, exist_ok=True)
    files = {part: out / f"foveate-{part}.onnx" for part in PARTS}
    folded = copy.deepcopy(net)
    fold(folded)
    outputs = {part: list(names) for part, names in OUTPUTS.items()}
    if likeness:
        outputs["encoder"].append("likeness")
    else:
        folded.encoder.__class__ = MaskEncoder
    modules = {"encoder": folded.encoder, "decoder": OnnxDecoder(folded.decoder).eval()}
    with torch.no_grad():
        one = answer(net, example(256, 256, 1))
        # Traced with several prompts: a batch of one would be taken for a constant.
        several = answer(net, example(256, 256, 2))
        for part, path in files.items():
            write(part, outputs[part], modules[part], several, path)
            for height, width in ((256, 256), (192, 320)):
                for prompts in (1, 3):
                    error = check(part, outputs[part], path, answer(net, example(height, width, prompts)))
                    print(f"{path.name} {width}x{height}, {prompts} prompts: differs by {error:.1e}")
            describe(part, path, one)
    return files


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--checkpoint", type=Path, help="state.pt; random weights without it")
    p.add_argument("--out", type=Path, help="folder for the two files")
    p.add_argument("--likeness", action="store_true", help="let the encoder give what it learnt from a teacher, too")
    p.add_argument("--pin", type=Path, nargs="+", help="export nothing, but pin these files of the manifest anew")
    p.add_argument("--manifest", type=Path, help="manifest.toml to pin the files in, created if absent")
    args = p.parse_args()
    if not (args.out or args.pin and args.manifest):
        p.error("give --out, or --pin with --manifest")
    if args.pin:
        files = {path.name: path for path in args.pin}
    else:
        files = export(load_net(args.checkpoint), args.out, args.likeness)
    if args.manifest:
        pin(args.manifest, files)


if __name__ == "__main__":
    main()
