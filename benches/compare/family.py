"""Exports the files that people bring, at their own sizes and with random weights: encoders and decoders of the Segment Anything
family, and backbones that others are made of.

    python benches/compare/family.py --out family [NAME ...]

needs what tests/reference/requirements.txt lists. Speed depends on the architecture alone, so random weights do. Where an
architecture has twelve blocks of one kind, four of them are exported: the name says so.
"""

import argparse
import warnings
from functools import partial
from pathlib import Path

import timm
import torch
from torch import nn

FILES = {}


def file(name):
    def named(make):
        FILES[name] = make
        return make

    return named


def randomised(net):
    """Batch norms as training leaves them: none that folds to nothing."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    if hasattr(net, "fuse"):
        net.fuse()
    return net.eval()


def image(side):
    return {"image": torch.rand(1, 3, side, side)}


class Neck(nn.Module):
    """What EdgeSAM puts behind its backbone."""

    def __init__(self, backbone, channels):
        super().__init__()
        from segment_anything.modeling.common import LayerNorm2d

        self.backbone = backbone
        self.neck = nn.Sequential(
            nn.Conv2d(channels, 256, 1, bias=False), LayerNorm2d(256),
            nn.Conv2d(256, 256, 3, padding=1, bias=False), LayerNorm2d(256),
        )

    def forward(self, image):
        return self.neck(self.backbone(image)[-1])


@file("mobilesam-1024")
def mobile_sam():
    from mobile_sam.modeling import TinyViT

    net = TinyViT(
        img_size=1024, embed_dims=[64, 128, 160, 320], depths=[2, 2, 6, 2], num_heads=[2, 4, 5, 10],
        window_sizes=[7, 7, 14, 7], mlp_ratio=4.0, drop_rate=0.0, drop_path_rate=0.0, mbconv_expand_ratio=4.0,
    )
    return randomised(net), image(1024)


def edge_sam(side):
    backbone = timm.create_model("repvit_m1", features_only=True, out_indices=(2,))
    return randomised(Neck(backbone, backbone.feature_info.channels()[-1])), image(side)


FILES |= {f"edgesam-{side}": partial(edge_sam, side) for side in (512, 1024)}


class Levels(nn.Module):
    """EdgeTAM's encoder: RepViT and the top-down path to the three maps that its decoder reads."""

    def __init__(self):
        super().__init__()
        self.backbone = timm.create_model("repvit_m1", features_only=True)
        self.lateral = nn.ModuleList(nn.Conv2d(c, 256, 1) for c in self.backbone.feature_info.channels())
        self.fine, self.middle = nn.Conv2d(256, 32, 1), nn.Conv2d(256, 64, 1)

    def forward(self, image):
        maps = [conv(x) for conv, x in zip(self.lateral, self.backbone(image))]
        top = maps[2] + nn.functional.interpolate(maps[3], scale_factor=2, mode="nearest")
        return self.fine(maps[0]), self.middle(maps[1]), top


@file("edgetam-1024")
def edge_tam():
    return randomised(Levels()), image(1024)


@file("efficientvit-sam-l0-512")
def efficientvit_sam():
    from timm.models.efficientvit_mit import EfficientVitLarge

    net = EfficientVitLarge(widths=(32, 64, 128, 256, 512), depths=(1, 1, 1, 4, 4), head_dim=32, num_classes=0, head_widths=(64, 64))
    return randomised(nn.Sequential(net.stem, net.stages)), image(512)


@file("efficientsam-ti-1024")
def efficient_sam():
    net = timm.create_model("vit_tiny_patch16_224", img_size=1024, num_classes=0, global_pool="", class_token=False)
    return net.eval(), image(1024)


def image_encoder(width):
    from segment_anything.modeling import ImageEncoderViT

    net = ImageEncoderViT(
        depth=4, embed_dim=width, img_size=1024, norm_layer=partial(nn.LayerNorm, eps=1e-6), num_heads=12, qkv_bias=True,
        use_rel_pos=True, global_attn_indexes=[3], window_size=14,
    )
    return net.eval(), image(1024)


FILES |= {"sam-vit-b-4-of-12": partial(image_encoder, 768), "slimsam-4-of-12": partial(image_encoder, 168)}


@file("sam2-tiny-1024")
def sam2():
    from transformers import Sam2Config, Sam2Model

    class Maps(nn.Module):
        def __init__(self):
            super().__init__()
            self.vision = Sam2Model(Sam2Config()).vision_encoder

        def forward(self, image):
            return tuple(self.vision(image).fpn_hidden_states)

    return Maps().eval(), image(1024)


@file("sam2-memory-attention")
def memory_attention():
    import sam2.modeling.sam.transformer as transformer
    from sam2.modeling.memory_attention import MemoryAttention, MemoryAttentionLayer

    def rotated(queries, keys, freqs_cis, repeat_freqs_k=False):
        """`apply_rotary_enc` without complex numbers, which ONNX has not."""

        def turn(x, cos, sin):
            a, b = x[..., 0::2], x[..., 1::2]
            return torch.stack((a * cos - b * sin, a * sin + b * cos), -1).flatten(3)

        repeats = keys.shape[-2] // queries.shape[-2] if repeat_freqs_k else 1
        cos, sin = freqs_cis.real, freqs_cis.imag
        return turn(queries, cos, sin), turn(keys, cos.repeat(repeats, 1), sin.repeat(repeats, 1))

    transformer.apply_rotary_enc = rotated
    attention = partial(transformer.RoPEAttention, feat_sizes=(64, 64), embedding_dim=256, num_heads=1, downsample_rate=1)
    layer = MemoryAttentionLayer(
        activation="relu", dim_feedforward=2048, dropout=0.1, pos_enc_at_attn=False, self_attention=attention(), d_model=256,
        pos_enc_at_cross_attn_keys=True, pos_enc_at_cross_attn_queries=False,
        cross_attention=attention(rope_k_repeat=True, kv_in_dim=64),
    )
    net = MemoryAttention(d_model=256, pos_enc_at_input=True, layer=layer, num_layers=4)
    # Two frames are remembered.
    inputs = {
        "curr": torch.randn(4096, 1, 256), "memory": torch.randn(8192, 1, 64),
        "curr_pos": torch.randn(4096, 1, 256), "memory_pos": torch.randn(8192, 1, 64),
    }
    return net.eval(), inputs


@file("sam-decoder")
def sam_decoder():
    from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, Sam, TwoWayTransformer
    from segment_anything.utils.onnx import SamOnnxModel

    sam = Sam(
        image_encoder=ImageEncoderViT(depth=1, embed_dim=16, img_size=1024, num_heads=2, global_attn_indexes=[]),
        prompt_encoder=PromptEncoder(embed_dim=256, image_embedding_size=(64, 64), input_image_size=(1024, 1024), mask_in_chans=16),
        mask_decoder=MaskDecoder(
            transformer=TwoWayTransformer(depth=2, embedding_dim=256, mlp_dim=2048, num_heads=8), transformer_dim=256,
        ),
    )

    class Decoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.model = SamOnnxModel(sam, return_single_mask=False)

        def forward(self, *inputs):
            return self.model(*inputs)[1:]

    inputs = {
        "image_embeddings": torch.randn(1, 256, 64, 64), "point_coords": torch.rand(1, 2, 2) * 1024, "point_labels": torch.ones(1, 2),
        "mask_input": torch.randn(1, 1, 256, 256), "has_mask_input": torch.ones(1), "orig_im_size": torch.tensor([1024.0, 1024.0]),
    }
    return Decoder().eval(), inputs


def backbone(name):
    return randomised(timm.create_model(name, num_classes=0, global_pool="")), image(512)


BACKBONES = [
    "hgnetv2_b1", "mobilenetv4_conv_medium", "mobilenetv4_hybrid_medium", "convnextv2_atto", "fastvit_t8", "repvit_m1", "resnet18",
]
FILES |= {f"{name.replace('_', '-')}-512": partial(backbone, name) for name in BACKBONES}


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"what to export (default: all): {', '.join(sorted(FILES))}")
    parser.add_argument("--out", type=Path, default=Path("family"), help="folder for the files; those that are there stay")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    warnings.filterwarnings("ignore")
    for name in args.names or FILES:
        path = args.out / f"{name}.onnx"
        if path.exists():
            continue
        torch.manual_seed(0)
        net, inputs = FILES[name]()
        torch.onnx.export(
            net, tuple(inputs.values()), path.with_suffix(".part"), opset_version=17, dynamo=False, input_names=list(inputs)
        )
        path.with_suffix(".part").rename(path)
        print(f"{path}: {path.stat().st_size / 1e6:.0f} MB", flush=True)


if __name__ == "__main__":
    main()
