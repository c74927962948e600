"""Writes encoder.onnx and decoder.onnx (batch norms folded, opset 17) and checks them against PyTorch."""

import argparse
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch.nn.utils.fusion import fuse_conv_bn_eval

from model import EMBED, SKIP, ConvBN, Decoder, Encoder


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = Encoder(), Decoder()


def fold(module: torch.nn.Module) -> None:
    """Folds every batch norm into the convolution before it."""
    for child in module.modules():
        if isinstance(child, ConvBN):
            child[0] = fuse_conv_bn_eval(child[0], child[1])
            child[1] = torch.nn.Identity()


def check(path: Path, feeds: dict[str, torch.Tensor], expected: tuple[torch.Tensor, ...]) -> None:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    got = session.run(None, {k: v.numpy() for k, v in feeds.items()})
    for name, a, b in zip((o.name for o in session.get_outputs()), got, expected):
        scale = float(b.abs().max()) + 1e-6
        error = float(np.abs(a - b.numpy()).max()) / scale
        print(f"{path.name} {name} {list(a.shape)}: relative error {error:.1e}")
        assert error < 1e-3, "the exported graph answers differently"


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--checkpoint", type=Path, help="state.pt; random weights without it")
    p.add_argument("--out", type=Path, required=True)
    args = p.parse_args()
    torch.manual_seed(0)
    net = Net()
    if args.checkpoint:
        weights = torch.load(args.checkpoint, weights_only=False)["ema"]
        net.load_state_dict({k.removeprefix("module."): v for k, v in weights.items() if k.startswith("module.")})
    net.eval()
    fold(net)
    args.out.mkdir(parents=True, exist_ok=True)
    image = torch.randn(1, 3, 256, 256)
    maps, prior = torch.rand(2, 3, 64, 64), torch.randn(2, 1, 128, 128)
    with torch.no_grad():
        embedding, skip = net.encoder(image)
        logits, iou = net.decoder(embedding, skip, maps, prior)
        common = dict(opset_version=17, dynamo=False, do_constant_folding=True)
        torch.onnx.export(
            net.encoder, (image,), str(args.out / "encoder.onnx"), input_names=["image"],
            output_names=["embedding", "skip"],
            dynamic_axes={"image": {2: "H", 3: "W"}, "embedding": {2: "H8", 3: "W8"}, "skip": {2: "H4", 3: "W4"}}, **common)
        torch.onnx.export(
            net.decoder, (embedding, skip, maps, prior), str(args.out / "decoder.onnx"),
            input_names=["embedding", "skip", "prompt_maps", "mask_input"], output_names=["logits", "iou"],
            dynamic_axes={"prompt_maps": {0: "N"}, "mask_input": {0: "N"}, "logits": {0: "N"}, "iou": {0: "N"}}, **common)
    check(args.out / "encoder.onnx", {"image": image}, (embedding, skip))
    check(args.out / "decoder.onnx", {"embedding": embedding, "skip": skip, "prompt_maps": maps, "mask_input": prior}, (logits, iou))
    for name in ("encoder", "decoder"):
        graph = onnx.load(args.out / f"{name}.onnx").graph
        ops = {}
        for node in graph.node:
            ops[node.op_type] = ops.get(node.op_type, 0) + 1
        print(name, dict(sorted(ops.items())))


if __name__ == "__main__":
    main()
