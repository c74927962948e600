"""Segment Anything, Segment Anything 2 and EdgeTAM of `transformers`, in the form that `optimum` and others export: a vision
encoder from `pixel_values`, and a decoder of prompts."""

import torch
from transformers import Sam2Config, Sam2Model, SamConfig, SamModel

from export import export, seeded

DIM, SIDE = 16, 128
OPEN = {"input_points": {2: "points"}, "input_labels": {2: "points"}}


class SamVision(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, pixel_values):
        embeddings = self.model.get_image_embeddings(pixel_values)
        return embeddings, self.model.get_image_wide_positional_embeddings()


class SamDecoder(torch.nn.Module):
    """optimum's `SamModelPatcher`: no boxes."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_points, input_labels, image_embeddings, image_positional_embeddings):
        sparse, dense = self.model.prompt_encoder(
            input_points=input_points, input_labels=input_labels, input_boxes=None, input_masks=None,
        )
        masks, scores, *_ = self.model.mask_decoder(
            image_embeddings=image_embeddings, image_positional_embeddings=image_positional_embeddings,
            sparse_prompt_embeddings=sparse, dense_prompt_embeddings=dense, multimask_output=True,
        )
        return scores, masks


class SamDecoderWithBoxes(SamDecoder):
    """The same with the boxes that `SamModel` takes."""

    def forward(self, input_points, input_labels, input_boxes, image_embeddings, image_positional_embeddings):
        sparse, dense = self.model.prompt_encoder(
            input_points=input_points, input_labels=input_labels, input_boxes=input_boxes, input_masks=None,
        )
        masks, scores, *_ = self.model.mask_decoder(
            image_embeddings=image_embeddings, image_positional_embeddings=image_positional_embeddings,
            sparse_prompt_embeddings=sparse, dense_prompt_embeddings=dense, multimask_output=True,
        )
        return scores, masks


def sam_model():
    config = SamConfig(
        vision_config=dict(hidden_size=16, output_channels=DIM, num_hidden_layers=2, num_attention_heads=2, image_size=SIDE,
                           patch_size=16, mlp_dim=24, window_size=3, global_attn_indexes=[1], num_pos_feats=DIM // 2),
        prompt_encoder_config=dict(hidden_size=DIM, image_size=SIDE, patch_size=16, mask_input_channels=4),
        mask_decoder_config=dict(hidden_size=DIM, mlp_dim=24, num_hidden_layers=2, num_attention_heads=2,
                                 attention_downsample_rate=2, iou_head_depth=3, iou_head_hidden_dim=16),
    )
    config.vision_config.num_pos_feats = DIM // 2
    config._attn_implementation = "eager"
    return seeded(SamModel(config), masks=3.0)


class Published:
    """`SamModel` and `Sam2Model` as their own code calls them: without points, or without boxes, where there are none."""

    def __init__(self, model):
        self.model = model

    def __call__(self, pixels, coords, labels, box):
        given = len(coords) > 0
        with torch.no_grad():
            out = self.model(
                pixel_values=torch.from_numpy(pixels), multimask_output=True,
                input_points=torch.tensor(coords, dtype=torch.float32)[None, None] if given else None,
                input_labels=torch.tensor(labels)[None, None] if given else None,
                input_boxes=torch.tensor(box, dtype=torch.float32).reshape(1, 1, 4) if box else None,
            )
        masks, scores = out.pred_masks, out.iou_scores
        return masks.reshape(-1, *masks.shape[-2:]).numpy(), scores.reshape(-1).numpy()


def points(count):
    return torch.rand(1, 1, count, 2) * SIDE, torch.ones(1, 1, count, dtype=torch.int64)


def sam(boxes=False):
    """SlimSAM is of this form as well."""
    model = sam_model()
    vision = SamVision(model)
    encoder = export(vision, torch.randn(1, 3, SIDE, SIDE), ["pixel_values"], ["image_embeddings", "image_positional_embeddings"])
    embeddings = vision(torch.randn(1, 3, SIDE, SIDE))
    coords, labels = points(3)
    if boxes:
        args = (coords, labels, torch.rand(1, 1, 4) * SIDE, *embeddings)
        names = ["input_points", "input_labels", "input_boxes", "image_embeddings", "image_positional_embeddings"]
        dynamic = dict(OPEN, input_boxes={1: "boxes"})
        return encoder, export(SamDecoderWithBoxes(model), args, names, ["iou_scores", "pred_masks"], dynamic)
    names = ["input_points", "input_labels", "image_embeddings", "image_positional_embeddings"]
    return encoder, export(SamDecoder(model), (coords, labels, *embeddings), names, ["iou_scores", "pred_masks"], OPEN)


class Sam2Vision(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, pixel_values):
        return tuple(self.model.get_image_embeddings(pixel_values))


class Sam2Decoder(torch.nn.Module):
    """The three levels of onnx-community's exports, with boxes."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_points, input_labels, input_boxes, first, second, third):
        out = self.model(input_points=input_points, input_labels=input_labels, input_boxes=input_boxes,
                         image_embeddings=[first, second, third], multimask_output=True)
        return out.iou_scores, out.pred_masks, out.object_score_logits


def three_levels(model):
    vision = Sam2Vision(model)
    image = torch.randn(1, 3, SIDE, SIDE)
    names = [f"image_embeddings.{ix}" for ix in range(3)]
    encoder = export(vision, image, ["pixel_values"], names)
    coords, labels = points(3)
    args = (coords, labels, torch.rand(1, 1, 4) * SIDE, *vision(image))
    decoder = export(Sam2Decoder(model), args, ["input_points", "input_labels", "input_boxes", *names],
                     ["iou_scores", "pred_masks", "object_score_logits"], dict(OPEN, input_boxes={1: "boxes"}))
    return encoder, decoder


def prompts_of_sam2():
    return dict(
        prompt_encoder_config=dict(hidden_size=DIM, image_size=SIDE, patch_size=16, mask_input_channels=4),
        mask_decoder_config=dict(hidden_size=DIM, mlp_dim=24, num_hidden_layers=2, num_attention_heads=2,
                                 attention_downsample_rate=2, iou_head_depth=3, iou_head_hidden_dim=16),
    )


def sam2_model():
    backbone = dict(
        model_type="sam2_hiera_det_model", hidden_size=4, num_attention_heads=1, image_size=[SIDE, SIDE], blocks_per_stage=[1, 1, 2, 1],
        embed_dim_per_stage=[4, 8, 16, 32], num_attention_heads_per_stage=[1, 2, 2, 4], window_size_per_stage=[8, 4, 4, 2],
        global_attention_blocks=[3], mlp_ratio=2.0, window_positional_embedding_background_size=[7, 7],
    )
    vision = dict(
        model_type="sam2_vision_model", backbone_config=backbone, backbone_channel_list=[32, 16, 8, 4],
        backbone_feature_sizes=[[SIDE // 4] * 2, [SIDE // 8] * 2, [SIDE // 16] * 2], fpn_hidden_size=DIM,
    )
    config = Sam2Config(vision_config=vision, **prompts_of_sam2())
    config._attn_implementation = "eager"
    return seeded(Sam2Model(config), masks=1.0)


def sam2():
    return three_levels(sam2_model())

