"""Segment Anything 2 by samexporter: three levels, points and mask prompts."""

import torch
from sam2.modeling.backbones.hieradet import Hiera
from sam2.modeling.backbones.image_encoder import FpnNeck, ImageEncoder
from sam2.modeling.memory_attention import MemoryAttention, MemoryAttentionLayer
from sam2.modeling.memory_encoder import CXBlock, Fuser, MaskDownSampler, MemoryEncoder
from sam2.modeling.position_encoding import PositionEmbeddingSine
from sam2.modeling.sam.mask_decoder import MLP
from sam2.modeling.sam.transformer import RoPEAttention, TwoWayTransformer
from sam2.modeling.sam2_base import SAM2Base
from samexporter.export_sam2 import SAM2ImageDecoder, SAM2ImageEncoder

from export import export, seeded

DIM, SIDE, CELLS = 16, 128, 8


def sam2():
    attention = lambda: RoPEAttention(rope_theta=10000.0, feat_sizes=[CELLS, CELLS], embedding_dim=DIM, num_heads=1,
                                      downsample_rate=1, dropout=0.1)
    memory = MemoryAttentionLayer(activation="relu", dim_feedforward=32, dropout=0.1, pos_enc_at_attn=False, d_model=DIM,
                                  pos_enc_at_cross_attn_keys=True, pos_enc_at_cross_attn_queries=False,
                                  self_attention=attention(), cross_attention=attention())
    position = lambda dim: PositionEmbeddingSine(num_pos_feats=dim, normalize=True, scale=None, temperature=10000)
    model = SAM2Base(
        image_encoder=ImageEncoder(
            scalp=1,
            trunk=Hiera(embed_dim=4, num_heads=1, stages=(1, 1, 2, 1), global_att_blocks=(3,), window_pos_embed_bkg_spatial_size=(7, 7),
                        window_spec=(8, 4, 4, 2)),
            neck=FpnNeck(position_encoding=position(DIM), d_model=DIM, backbone_channel_list=[32, 16, 8, 4],
                         fpn_top_down_levels=[2, 3], fpn_interp_model="nearest"),
        ),
        memory_attention=MemoryAttention(d_model=DIM, pos_enc_at_input=True, layer=memory, num_layers=1),
        memory_encoder=MemoryEncoder(
            out_dim=DIM, in_dim=DIM, position_encoding=position(DIM),
            mask_downsampler=MaskDownSampler(embed_dim=DIM, kernel_size=3, stride=2, padding=1),
            fuser=Fuser(layer=CXBlock(dim=DIM, kernel_size=7, padding=3), num_layers=1),
        ),
        image_size=SIDE, use_high_res_features_in_sam=True, directly_add_no_mem_embed=True, multimask_output_in_sam=True,
        iou_prediction_use_sigmoid=True, pred_obj_scores=True,
    )
    # Its widths are constants in the code of SAM2Base.
    decoder = model.sam_mask_decoder
    decoder.transformer = TwoWayTransformer(depth=2, embedding_dim=DIM, mlp_dim=24, num_heads=2)
    decoder.iou_prediction_head = MLP(DIM, 16, decoder.num_mask_tokens, 3, sigmoid_output=True)
    return seeded(model, masks=1.5)


def samexporter():
    """`samexporter.export_sam2`."""
    model = sam2()
    image = torch.randn(1, 3, SIDE, SIDE)
    vision = SAM2ImageEncoder(model)
    encoder = export(vision, image, ["image"], ["high_res_feats_0", "high_res_feats_1", "image_embed"])
    first, second, embedding = vision(image)
    args = (embedding, first, second, torch.rand(1, 3, 2) * SIDE, torch.ones(1, 3), torch.randn(1, 1, 4 * CELLS, 4 * CELLS),
            torch.ones(1))
    names = ["image_embed", "high_res_feats_0", "high_res_feats_1", "point_coords", "point_labels", "mask_input", "has_mask_input"]
    dynamic = {"point_coords": {0: "num_labels", 1: "num_points"}, "point_labels": {0: "num_labels", 1: "num_points"},
               "mask_input": {0: "num_labels"}, "has_mask_input": {0: "num_labels"}}
    return encoder, export(SAM2ImageDecoder(model, True), args, names, ["masks", "iou_predictions"], dynamic)
