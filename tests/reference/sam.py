"""Segment Anything and its descendants by their own export scripts: segment_anything's `SamOnnxModel`, and what EdgeSAM,
NanoSAM and EfficientViT-SAM make of it."""

from functools import partial

import timm
import torch
from mobile_sam.modeling import TinyViT
from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, Sam, TwoWayTransformer
from segment_anything.modeling.common import LayerNorm2d
from segment_anything.utils.amg import calculate_stability_score
from segment_anything.utils.onnx import SamOnnxModel

from export import export, seeded

DIM, SIDE, CELLS = 16, 128, 8


def sam(encoder=None, side=SIDE):
    model = Sam(
        image_encoder=encoder or ImageEncoderViT(
            depth=2, embed_dim=16, img_size=side, mlp_ratio=2, norm_layer=partial(torch.nn.LayerNorm, eps=1e-6), num_heads=2,
            patch_size=16, qkv_bias=True, use_rel_pos=True, global_attn_indexes=[1], window_size=3, out_chans=DIM,
        ),
        prompt_encoder=PromptEncoder(
            embed_dim=DIM, image_embedding_size=(CELLS, CELLS), input_image_size=(side, side), mask_in_chans=4,
        ),
        mask_decoder=MaskDecoder(
            num_multimask_outputs=3,
            transformer=TwoWayTransformer(depth=2, embedding_dim=DIM, mlp_dim=24, num_heads=2),
            transformer_dim=DIM, iou_head_depth=3, iou_head_hidden_dim=16,
        ),
    )
    return seeded(model, masks=1.8)


def decoder_inputs(points=3):
    return {
        "image_embeddings": torch.randn(1, DIM, CELLS, CELLS),
        "point_coords": torch.rand(1, points, 2) * SIDE,
        "point_labels": torch.ones(1, points),
        "mask_input": torch.randn(1, 1, 4 * CELLS, 4 * CELLS),
        "has_mask_input": torch.ones(1),
        "orig_im_size": torch.tensor([SIDE, SIDE], dtype=torch.float32),
    }


OPEN = {"point_coords": {1: "num_points"}, "point_labels": {1: "num_points"}}


def segment_anything():
    """scripts/export_onnx_model.py."""
    model = sam()
    inputs = decoder_inputs()
    decoder = export(SamOnnxModel(model, return_single_mask=False), tuple(inputs.values()), list(inputs),
                     ["masks", "iou_predictions", "low_res_masks"], OPEN)
    encoder = export(model.image_encoder, torch.randn(1, 3, SIDE, SIDE), ["image"], ["image_embeddings"])
    return encoder, decoder


class SmallTinyViT(TinyViT):
    """MobileSAM's encoder, whose code has the 64 cells of an image of 1024 pixels in it, for another number of them."""

    def forward_features(self, x):
        x = self.patch_embed(x)
        for layer in self.layers:
            x = layer(x)
        x = x.view(x.shape[0], CELLS, CELLS, x.shape[-1])
        return self.neck(x.permute(0, 3, 1, 2))


def mobile_sam():
    """MobileSAM's TinyViT and `--return-single-mask`."""
    vit = SmallTinyViT(img_size=SIDE, in_chans=3, num_classes=1, embed_dims=[8, 8, 16, 16], depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2],
                  window_sizes=[7, 7, 7, 7], mlp_ratio=2.0, drop_rate=0.0, drop_path_rate=0.0, use_checkpoint=False,
                  mbconv_expand_ratio=2.0, local_conv_size=3, layer_lr_decay=0.8)
    # MobileSAM keeps its resolution in the last stage, told by widths that these are not.
    vit.layers[2].downsample.conv2.c.stride = (1, 1)
    vit.neck[0] = torch.nn.Conv2d(16, DIM, 1, bias=False)
    vit.neck[1] = type(vit.neck[1])(DIM)
    vit.neck[2] = torch.nn.Conv2d(DIM, DIM, 3, padding=1, bias=False)
    vit.neck[3] = type(vit.neck[3])(DIM)
    model = sam(vit)
    inputs = decoder_inputs()
    decoder = export(SamOnnxModel(model, return_single_mask=True), tuple(inputs.values()), list(inputs),
                     ["masks", "iou_predictions", "low_res_masks"], OPEN)
    encoder = export(model.image_encoder, torch.randn(1, 3, SIDE, SIDE), ["images"], ["embeddings"])
    return encoder, decoder


class WithoutMask(SamOnnxModel):
    """What EdgeSAM's and EfficientViT-SAM's scripts make of `SamOnnxModel`: no mask prompt, no upsampling."""

    def __init__(self, model, scores):
        super().__init__(model, return_single_mask=False)
        self.scores = scores

    def forward(self, image_embeddings, point_coords, point_labels):
        sparse = self._embed_points(point_coords, point_labels)
        dense = self.model.prompt_encoder.no_mask_embed.weight.reshape(1, -1, 1, 1).expand(1, -1, CELLS, CELLS)
        masks, iou = self.mask_decoder.predict_masks(
            image_embeddings=image_embeddings, image_pe=self.model.prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse, dense_prompt_embeddings=dense,
        )
        if self.scores == "stability":
            return calculate_stability_score(masks, 0.0, 1.0), masks
        return masks if self.scores is None else (masks, iou)


def prompt_inputs():
    return tuple(list(decoder_inputs().values())[:3])


def edge_sam(scores="stability"):
    """EdgeSAM's `export_onnx_model.py decoder --use-stability-score`, with a RepViT of timm; without its scores the masks are
    rated here."""
    backbone = timm.create_model("repvit_m0_9.dist_450e_in1k", pretrained=False, features_only=True, out_indices=(2,), embed_dim=(8, 16, 16, 32), depth=(1, 1, 1, 1))
    neck = torch.nn.Conv2d(backbone.feature_info.channels()[-1], DIM, 1)
    encoder = seeded(Levels(backbone, neck))
    model = sam()
    outputs = ["masks"] if scores is None else ["scores", "masks"]
    decoder = export(WithoutMask(model, scores), prompt_inputs(), ["image_embeddings", "point_coords", "point_labels"], outputs, OPEN)
    return export(encoder, torch.randn(1, 3, SIDE, SIDE), ["image"], ["image_embeddings"]), decoder


class Levels(torch.nn.Module):
    def __init__(self, backbone, neck):
        super().__init__()
        self.backbone, self.neck = backbone, torch.nn.Sequential(neck, LayerNorm2d(DIM))

    def forward(self, image):
        return self.neck(self.backbone(image)[-1])


def efficientvit_sam():
    """EfficientViT-SAM-L0's form: the encoder looks at half the plane that points lie in."""
    backbone = torch.nn.Sequential(
        torch.nn.Conv2d(3, 16, 3, 2, 1), torch.nn.Hardswish(), torch.nn.Conv2d(16, 16, 3, 2, 1, groups=16), torch.nn.Hardswish(),
        torch.nn.Conv2d(16, 32, 3, 2, 1), torch.nn.Hardswish(), torch.nn.Conv2d(32, DIM, 1),
    )
    decoder = export(WithoutMask(sam(), "iou"), prompt_inputs(), ["image_embeddings", "point_coords", "point_labels"],
                     ["low_res_masks", "iou_predictions"], OPEN)
    encoder = export(seeded(backbone), torch.randn(1, 3, SIDE // 2, SIDE // 2), ["input_image"], ["image_embeddings"])
    return encoder, decoder


class Nano(SamOnnxModel):
    """NanoSAM's decoder: a mask prompt, no upsampling, ratings first."""

    def forward(self, image_embeddings, point_coords, point_labels, mask_input, has_mask_input):
        sparse, dense = self._embed_points(point_coords, point_labels), self._embed_masks(mask_input, has_mask_input)
        masks, scores = self.model.mask_decoder.predict_masks(
            image_embeddings=image_embeddings, image_pe=self.model.prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse, dense_prompt_embeddings=dense,
        )
        return scores, masks


def nano_sam():
    backbone = timm.create_model("resnet10t", pretrained=False, features_only=True, out_indices=(3,), channels=(8, 16, 16, 32), stem_width=8)
    encoder = seeded(Levels(backbone, torch.nn.Conv2d(backbone.feature_info.channels()[-1], DIM, 1)))
    names = ["image_embeddings", "point_coords", "point_labels", "mask_input", "has_mask_input"]
    decoder = export(Nano(sam(), return_single_mask=False), tuple(list(decoder_inputs().values())[:5]), names,
                     ["iou_predictions", "low_res_masks"], OPEN)
    return export(encoder, torch.randn(1, 3, SIDE, SIDE), ["image"], ["image_embeddings"]), decoder

