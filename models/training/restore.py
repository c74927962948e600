"""Exported files back to weights that can be trained on: the shipped model is its own checkpoint.

Export folds each batch norm into the convolution before it. Here the convolution keeps the folded weights, and
the norm gets the statistics that its outputs have on training photos, with the scale and offset that undo
them, so that the network answers as the files do and normalises again when it learns.

Tensors that have grown or shrunk since the export are fitted: new inputs weigh nothing, the weakest hidden
channels of a block go, parts that the files lack keep their initial values.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from model import EMBED, GROUPS, Block, ConvBN, Net

# What a network's weights are named after.
PARTS = ("encoder.", "decoder.")
# Tensors that export writes in another form than the checkpoint has.
POINTWISE = {"vectors": "vectors", "iou_hidden": "iou.0", "iou_out": "iou.2"}
MATRICES = {"rank_hidden": "ranker.hidden.weight", "rank_out": "ranker.out.weight"}


def tensors(path: Path) -> dict[str, Tensor]:
    """The initializers of an ONNX file by name."""
    return {w.name: torch.from_numpy(numpy_helper.to_array(w).copy()) for w in onnx.load(path).graph.initializer}


def by_group(similar: Tensor) -> Tensor:
    """The weights of `similar`, inputs ordered by group, then kind: what `by_channel` spread over the channels."""
    one_a_group = similar[0, :, :, :: EMBED // GROUPS] * (EMBED / GROUPS)  # [KINDS, outputs, GROUPS]
    return one_a_group.permute(1, 2, 0).flatten(1)[:, :, None, None]


def exported(folder: Path) -> dict[str, Tensor]:
    """Weights of both files under the names that `Net` gives them; a folded norm's offset is its `.0.bias`."""
    found = {f"encoder.{name}": value for name, value in tensors(folder / "foveate-encoder.onnx").items()}
    for name, value in tensors(folder / "foveate-decoder.onnx").items():
        layer, _, leaf = name.rpartition(".")
        if layer.startswith("net."):
            found[f"decoder.{name.removeprefix('net.')}"] = value
        elif layer in POINTWISE:
            found[f"decoder.{POINTWISE[layer]}.{leaf}"] = value.flatten(1) if leaf == "weight" else value
        elif name in MATRICES:
            found[f"decoder.{MATRICES[name]}"] = value.T[:, :, None, None]
        elif name == "similar":
            found["decoder.similar.weight"] = by_group(value)
        elif name == "similar_bias":
            found["decoder.similar.bias"] = value.flatten()
    return found


def widen(value: Tensor, like: Tensor) -> Tensor:
    """`value` with zeros for the inputs (dimension 1) that `like` has besides."""
    grown = torch.zeros_like(like)
    grown[:, : value.shape[1]] = value
    return grown


def narrow(found: dict[str, Tensor], name: str, block: Block) -> None:
    """Keeps the hidden channels of block `name` that carry most, as many as `block` has, in place."""
    first, second = found[f"{name}.a.0.weight"], found[f"{name}.b.0.weight"]
    strength = first.flatten(1).norm(dim=1) * second.transpose(0, 1).flatten(1).norm(dim=1)
    kept = strength.topk(block.a[0].out_channels).indices.sort().values
    found[f"{name}.a.0.weight"], found[f"{name}.a.0.bias"] = first[kept], found[f"{name}.a.0.bias"][kept]
    found[f"{name}.b.0.weight"] = second[:, kept]


def fit(found: dict[str, Tensor], net: Net) -> dict[str, Tensor]:
    """`found` in the shapes of `net`."""
    for name, block in net.named_modules():
        if isinstance(block, Block) and f"{name}.a.0.weight" in found:
            narrow(found, name, block)
    own = dict(net.state_dict())
    for name, value in found.items():
        if name in own and value.shape != own[name].shape:
            found[name] = widen(value, own[name])
    return found


def take(net: Net, checkpoint: Path, parts: tuple[str, ...] = PARTS) -> None:
    """Fills `parts` of `net` with the averaged weights of a checkpoint; what one of before lacks stays as it starts."""
    saved = torch.load(checkpoint, weights_only=True)["ema"]
    weights = {k.removeprefix("module."): v for k, v in saved.items() if k.startswith("module.")}
    weights = {name: value for name, value in weights.items() if name.startswith(parts)}
    missing, strange = net.load_state_dict(weights, strict=False)
    if strange:
        raise SystemExit(f"{checkpoint}: unknown weights {', '.join(sorted(strange))}")
    if missing:
        print(f"left as they start: {', '.join(missing)}", flush=True)


def norms(net: Net) -> Iterator[tuple[str, nn.Conv2d, nn.BatchNorm2d]]:
    for name, module in net.named_modules():
        if isinstance(module, ConvBN):
            yield name, module[0], module[1]


@contextmanager
def watched(net: Net) -> Iterator[dict[str, list[tuple[Tensor, Tensor]]]]:
    """Collects mean and variance of the output channels of every normalised convolution while it is open."""
    seen: dict[str, list[tuple[Tensor, Tensor]]] = {name: [] for name, _, _ in norms(net)}

    def watch(name: str) -> Callable:
        def hook(_module: nn.Module, _inputs: tuple, out: Tensor) -> None:
            values = out.detach().float().transpose(0, 1).flatten(1)
            seen[name].append((values.mean(1), values.square().mean(1)))

        return hook

    hooks = [conv.register_forward_hook(watch(name)) for name, conv, _ in norms(net)]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


@torch.no_grad()
def restore(net: Net, folder: Path, look: Callable[[], None], parts: tuple[str, ...] = PARTS) -> None:
    """Fills `parts` of `net` from the two files in `folder`; `look` runs it on training batches, for the statistics."""
    found = fit({name: value for name, value in exported(folder).items() if name.startswith(parts)}, net)
    # What the files lack starts as it is.
    offsets = {name: found.pop(bias) for name, _, _ in norms(net) if (bias := f"{name}.0.bias") in found}
    missing, strange = net.load_state_dict(found, strict=False)
    if strange:
        raise SystemExit(f"{folder}: unknown weights {', '.join(sorted(strange))}")
    restored = [(name, norm) for name, _, norm in norms(net) if name in offsets]
    normal = tuple(f"{name}.1." for name, _ in restored)
    new = [name for name in missing if not name.startswith(normal)]
    print(f"restored {len(found)} tensors from {folder}; left as they start: {', '.join(new) or 'none'}", flush=True)
    for name, norm in restored:
        norm.running_mean.zero_()
        norm.running_var.fill_(1.0 - norm.eps)
        norm.weight.fill_(1.0)
        norm.bias.copy_(offsets[name])
    net.eval()
    with watched(net) as seen:
        look()
    net.train()
    for name, norm in restored:
        mean, square = (torch.stack(part).mean(0) for part in zip(*seen[name], strict=True))
        variance = (square - mean.square()).clamp(min=1e-8)
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        norm.weight.copy_((variance + norm.eps).sqrt())
        norm.bias.copy_(offsets[name] + mean)
