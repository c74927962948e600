"""The decoder in a form whose ONNX graph works out no shapes: the same numbers from the same weights.

`model.Decoder` flattens and unflattens maps, which traces to Shape, Gather and Unsqueeze. Here every reshape is
to constants (0 keeps a size, -1 takes the rest), the similarities are one product of a small matrix with the
embedding, made for each prompt, and the ranker's means are one product for all candidates.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model import CANDIDATES, EMBED, GROUPS, KINDS, MASK8, Decoder, outside, prior_of, up2


class Reshape(torch.autograd.Function):
    """ONNX's Reshape: 0 keeps the size at its place, -1 takes what is left."""

    @staticmethod
    def forward(ctx, x: Tensor, sizes: tuple[int, ...]) -> Tensor:
        return x.reshape([x.shape[ix] if size == 0 else size for ix, size in enumerate(sizes)])

    @staticmethod
    def symbolic(g, x, sizes):
        return g.op("Reshape", x, g.op("Constant", value_t=torch.tensor(sizes)))


def reshape(x: Tensor, *sizes: int) -> Tensor:
    return Reshape.apply(x, sizes)


def flat(x: Tensor) -> Tensor:
    """[N, C, h, w] to [N, C, h * w]."""
    return reshape(x, 0, 0, -1)


def pointwise(linear: nn.Linear) -> nn.Conv2d:
    """The 1x1 convolution that answers as `linear` does."""
    conv = nn.Conv2d(linear.in_features, linear.out_features, 1)
    conv.weight.data.copy_(linear.weight[:, :, None, None])
    conv.bias.data.copy_(linear.bias)
    return conv


def by_channel(similar: nn.Conv2d) -> Tensor:
    """What `similar` makes of a pooled vector's channel times the embedding's: [KINDS, outputs, EMBED].

    A similarity is the mean over a group's channels, so all channels of a group share its weight.
    """
    groups = similar.weight[:, :, 0, 0].unflatten(1, (GROUPS, KINDS)).permute(2, 0, 1)
    return groups.repeat_interleave(EMBED // GROUPS, 2) * (GROUPS / EMBED)


class OnnxDecoder(nn.Module):
    """Inputs and outputs of `model.Decoder`, for features of one image (batch 1) and N prompts."""

    @torch.no_grad()
    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.net = decoder
        self.register_buffer("similar", by_channel(decoder.similar)[None])
        self.register_buffer("similar_bias", decoder.similar.bias[:, None, None])
        self.vectors = pointwise(decoder.vectors)
        self.iou_hidden, self.iou_out = pointwise(decoder.iou[0]), pointwise(decoder.iou[2])
        self.register_buffer("rank_hidden", decoder.ranker.hidden.weight[:, :, 0, 0].T.clone())
        self.register_buffer("rank_out", decoder.ranker.out.weight[:, :, 0, 0].T.clone())

    def rank(self, features: Tensor, logits: Tensor, maps8: Tensor) -> Tensor:
        """`model.Ranker` for all candidates at once: [N, CANDIDATES]."""
        soft = flat(torch.sigmoid(F.avg_pool2d(logits, 4)))
        rest = 1.0 - soft
        positions = (soft[:, :1] * 0.0 + 1.0).sum(2, keepdim=True)
        maps = flat(torch.cat([features, maps8], 1))
        means = torch.matmul(torch.cat([soft, rest], 1), maps.transpose(1, 2)) / positions
        area, left = soft.mean(2, keepdim=True) + 1e-3, rest.mean(2, keepdim=True) + 1e-3
        asked = reshape(maps8.mean((2, 3)), -1, 1, KINDS) + 1e-6
        inside, beyond = means[:, :CANDIDATES], means[:, CANDIDATES:]
        described = [
            inside[:, :, :MASK8] / area,
            beyond[:, :, :MASK8] / left,
            inside[:, :, MASK8:] / asked,
            inside[:, :, MASK8 + 2 : MASK8 + 3] / area,
            (soft * rest).mean(2, keepdim=True) / area,
            area,
        ]
        ranker = self.net.ranker
        hidden = F.relu(torch.matmul(torch.cat(described, 2), self.rank_hidden) + ranker.hidden.bias)
        return reshape(torch.matmul(hidden, self.rank_out) + ranker.out.bias, -1, CANDIDATES)

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
        vectors = torch.matmul(flat(weights), flat(unit).transpose(1, 2))  # [N, KINDS, 64]
        matrix = (self.similar * vectors.unsqueeze(2)).sum(1)  # [N, 32, 64]
        similar = torch.einsum("noc,cyx->noyx", matrix, unit.squeeze(0)) + self.similar_bias

        x8 = net.prompt8(prompt4) + net.embed(embedding) + similar
        x8 = net.d8(F.relu(x8 + self.vectors(reshape(vectors, -1, KINDS * EMBED, 1, 1))))
        x16 = net.d16(net.down16(x8))
        x32 = net.d32(net.down32(x16))
        pooled = x32.mean((2, 3), keepdim=True)
        y = F.relu(x16 + up2(net.u32(x32 + net.context(pooled))))
        y = net.u8(F.relu(x8 + up2(net.u16(y))))
        f4 = net.f4(F.relu(skip + up2(net.u4(y)) + net.p4(prompt4)))
        logits = F.pixel_shuffle(net.head(f4), 2)
        hidden = F.relu(self.iou_hidden(torch.cat([pooled, x8.mean((2, 3), keepdim=True)], 1)))
        whole = reshape(self.iou_out(hidden), -1, CANDIDATES) + self.rank(y, logits, maps8)
        return logits, torch.sigmoid(whole)
