"""The decoder in a form whose ONNX graph works out no shapes: the same numbers from the same weights.

`model.Decoder` matches prompts to positions with matrix products over flattened maps, which trace to Shape,
Gather and Unsqueeze. Here each product is an element-wise product followed by a sum: over positions for the
pooled vectors, over a group's channels (a grouped 1x1 convolution of ones) for the similarities. Linear
layers on pooled maps are 1x1 convolutions.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model import CANDIDATES, EMBED, GROUPS, KINDS, Decoder, outside, prior_of, up2


def pointwise(linear: nn.Linear) -> nn.Conv2d:
    """The 1x1 convolution that answers as `linear` does."""
    conv = nn.Conv2d(linear.in_features, linear.out_features, 1)
    conv.weight.data.copy_(linear.weight[:, :, None, None])
    conv.bias.data.copy_(linear.bias)
    return conv


def group_sums() -> nn.Conv2d:
    """Sums the channels of each group: [N, KINDS * EMBED, h, w] to [N, KINDS * GROUPS, h, w]."""
    conv = nn.Conv2d(KINDS * EMBED, KINDS * GROUPS, 1, groups=KINDS * GROUPS, bias=False)
    nn.init.ones_(conv.weight)
    return conv


def by_kind(similar: nn.Conv2d) -> nn.Conv2d:
    """`similar` for channels ordered by kind, then group (the original: group, then kind), scale included."""
    conv = nn.Conv2d(similar.in_channels, similar.out_channels, 1)
    ordered = similar.weight.unflatten(1, (GROUPS, KINDS)).transpose(1, 2).flatten(1, 2)
    conv.weight.data.copy_(ordered * (GROUPS / EMBED))
    conv.bias.data.copy_(similar.bias)
    return conv


class OnnxDecoder(nn.Module):
    """Inputs and outputs of `model.Decoder`, for features of one image (batch 1) and N prompts."""

    @torch.no_grad()
    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.net = decoder
        self.group_sums, self.similar = group_sums(), by_kind(decoder.similar)
        self.vectors = pointwise(decoder.vectors)
        self.iou_hidden, self.iou_out = pointwise(decoder.iou[0]), pointwise(decoder.iou[2])

    def forward(
        self, embedding: Tensor, skip: Tensor, prompt_maps: Tensor, mask_input: Tensor
    ) -> tuple[Tensor, Tensor]:
        net = self.net
        prior = prior_of(mask_input)
        on, off = F.relu(prior), F.relu(prior * -1.0)
        known = torch.clamp((on + off) * 4.0, max=1.0)
        beyond = outside(prompt_maps[:, 2:3])
        prompt4 = net.prompt4(torch.cat([prompt_maps, prior, known, beyond], 1))

        maps8 = F.avg_pool2d(torch.cat([prompt_maps, on, beyond, off], 1), 2)
        weights = maps8 / (maps8.sum((2, 3), keepdim=True) + 1e-4)
        unit = embedding / ((embedding * embedding).mean(1, keepdim=True) + 1e-2).sqrt()
        pooled_by_kind = [(weights[:, k : k + 1] * unit).sum((2, 3), keepdim=True) for k in range(KINDS)]
        vectors = torch.cat(pooled_by_kind, 1)  # [N, KINDS * 64, 1, 1]
        products = torch.cat([vector * unit for vector in pooled_by_kind], 1)
        similar = self.similar(self.group_sums(products))

        x8 = net.prompt8(prompt4) + net.embed(embedding) + similar
        x8 = net.d8(F.relu(x8 + self.vectors(vectors)))
        x16 = net.d16(net.down16(x8))
        x32 = net.d32(net.down32(x16))
        pooled = x32.mean((2, 3), keepdim=True)
        y = F.relu(x16 + up2(net.u32(x32 + net.context(pooled))))
        y = net.u8(F.relu(x8 + up2(net.u16(y))))
        f4 = net.f4(F.relu(skip + up2(net.u4(y)) + net.p4(prompt4)))
        logits = F.pixel_shuffle(net.head(f4), 2)
        hidden = F.relu(self.iou_hidden(torch.cat([pooled, x8.mean((2, 3), keepdim=True)], 1)))
        whole = self.iou_out(hidden) + net.ranker(y, logits, maps8)
        return logits, torch.sigmoid(whole).reshape(-1, CANDIDATES)
