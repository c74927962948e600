"""Exports the image encoders that promptable segmentation runs on boards with, at 512 pixels, with random weights.

    python benches/compare/encoders.py --out encoders

needs what requirements-encoders.txt lists. Speed depends on the architecture alone, so random weights do: ResNet-18 is
NanoSAM's encoder, RepViT-M1 EdgeSAM's, TinyViT-5M MobileSAM's; MobileNetV4-conv-small is the smallest of its kind.
"""

import argparse
from pathlib import Path

import timm
import torch

SIZE = 512
ENCODERS = {
    "resnet18": "resnet18",
    "repvit_m1": "repvit_m1",
    "mobilenetv4": "mobilenetv4_conv_small",
    "tinyvit": "tiny_vit_5m_224",
}


def randomise(net):
    """Batch norms as training leaves them: none that folds to nothing."""
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("encoders"), help="folder for the files")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    for file, name in ENCODERS.items():
        net = timm.create_model(name, pretrained=False, num_classes=0, global_pool="").eval()
        randomise(net)
        if hasattr(net, "fuse"):
            net.fuse()
        image = torch.rand(1, 3, SIZE, SIZE)
        names = {"input_names": ["image"], "output_names": ["features"]}
        torch.onnx.export(net, image, out / f"{file}.onnx", opset_version=17, dynamo=False, **names)
        print(f"{out / file}.onnx: features {tuple(net(image).shape)}")


if __name__ == "__main__":
    main()
