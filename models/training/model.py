"""The promptable convolutional model: an encoder that runs once a frame, a decoder that runs once a prompt.

Shapes: images are [B, 3, H, W] (ImageNet-normalised RGB, H and W multiples of 32); all maps are NCHW.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EMBED = 64
# Channels of the features that are compared between cells, and their stride in pixels.
LIKE, STRIDE = 32, 8
SKIP = 16
WIDE8, WIDE16, WIDE32 = 32, 56, 80
GROUPS = 4
CANDIDATES = 3
# Kinds of prompt that are pooled and matched: positive clicks, negative clicks, box, earlier mask, outside of
# the box, outside of the earlier mask.
KINDS = 6
# What the norms of EfficientNet-Lite add to variances.
LITE_EPS = 1e-3
# Widths between the two convolutions of the decoder's blocks, and of its mask features at stride 8.
HIDDEN8, HIDDEN16, HIDDEN32, MASK8 = 24, 44, 72, 24


class ConvBN(nn.Sequential):
    """Convolution, batch norm and an optional activation; export folds the norm into the convolution."""

    def __init__(
        self,
        cin: int,
        cout: int,
        k: int = 3,
        stride: int = 1,
        relu: bool = True,
        groups: int = 1,
        most: float | None = None,
        eps: float = 1e-5,
    ) -> None:
        layers: list[nn.Module] = [
            nn.Conv2d(cin, cout, k, stride, k // 2, groups=groups, bias=False),
            nn.BatchNorm2d(cout, eps),
        ]
        if relu:
            layers.append(nn.ReLU(inplace=True) if most is None else nn.Hardtanh(0.0, most, inplace=True))
        super().__init__(*layers)


class Block(nn.Module):
    """Two dense 3x3 convolutions with an identity path (He et al. 2016); starts as the identity."""

    def __init__(self, c: int, hidden: int | None = None) -> None:
        super().__init__()
        self.a = ConvBN(c, hidden or c)
        self.b = ConvBN(hidden or c, c, relu=False)
        nn.init.zeros_(self.b[1].weight)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.b(self.a(x)))


def up2(x: Tensor) -> Tensor:
    """Bilinear, pixel centres aligned: [B, C, h, w] to [B, C, 2h, 2w]."""
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


class Likeness(nn.Module):
    """What is compared between cells, from the features at strides 8 and 16."""

    def __init__(self) -> None:
        super().__init__()
        self.near = ConvBN(EMBED, EMBED, 3, relu=False)
        self.wide = ConvBN(96, EMBED, 1, relu=False)
        self.out = nn.Conv2d(EMBED, LIKE, 1)

    def forward(self, p8: Tensor, p16: Tensor) -> Tensor:
        """p8 [B, 64, h, w] and p16 [B, 96, h/2, w/2] to [B, 32, h, w]."""
        return self.out(F.relu(self.near(p8) + up2(self.wide(p16))))


class Inverted(nn.Module):
    """An inverted residual (Sandler et al. 2018): 1x1 to `expand` times the channels, depthwise k x k, 1x1 back.

    Activations are cut at 6, as those of EfficientNet-Lite are.
    """

    def __init__(self, cin: int, cout: int, k: int, stride: int, expand: int) -> None:
        super().__init__()
        wide = cin * expand
        self.expand = ConvBN(cin, wide, 1, most=6.0, eps=LITE_EPS) if expand > 1 else nn.Identity()
        self.depthwise = ConvBN(wide, wide, k, stride, groups=wide, most=6.0, eps=LITE_EPS)
        self.project = ConvBN(wide, cout, 1, relu=False, eps=LITE_EPS)
        self.same = stride == 1 and cin == cout

    def forward(self, x: Tensor) -> Tensor:
        y = self.project(self.depthwise(self.expand(x)))
        return x + y if self.same else y


def inverted(count: int, cin: int, cout: int, k: int, stride: int) -> list[Inverted]:
    """`count` inverted residuals, the first of which changes the width and the stride."""
    return [Inverted(cin if n == 0 else cout, cout, k, stride if n == 0 else 1, 6) for n in range(count)]


class Backbone(nn.Module):
    """EfficientNet-Lite0 (Tan and Le 2019, without squeeze and excitation) without its head.

    Image to features at strides 4, 8, 16 and 32: 24, 40, 112 and 320 channels.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvBN(3, 32, stride=2, most=6.0, eps=LITE_EPS)
        self.s4 = nn.Sequential(Inverted(32, 16, 3, 1, 1), *inverted(2, 16, 24, 3, 2))
        self.s8 = nn.Sequential(*inverted(2, 24, 40, 5, 2))
        self.s16 = nn.Sequential(*inverted(3, 40, 80, 3, 2), *inverted(3, 80, 112, 5, 1))
        self.s32 = nn.Sequential(*inverted(4, 112, 192, 5, 2), *inverted(1, 192, 320, 3, 1))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        c4 = self.s4(self.stem(image))
        c8 = self.s8(c4)
        c16 = self.s16(c8)
        return c4, c8, c16, self.s32(c16)


class Encoder(nn.Module):
    """Image to `embedding` [B, 64, H/8, W/8], `skip` [B, 16, H/4, W/4] and `likeness` [B, 32, H/8, W/8].

    The angle between two cells of `likeness` says how alike their things are, within a picture and between pictures.
    """

    def __init__(self) -> None:
        super().__init__()
        self.backbone = Backbone()
        self.context = nn.Conv2d(320, 128, 1)
        self.l32 = ConvBN(320, 128, 1, relu=False)
        self.l16 = ConvBN(112, 128, 1, relu=False)
        self.m16 = ConvBN(128, 96)
        self.b16 = Block(96)
        self.l8 = ConvBN(40, 96, 1, relu=False)
        self.m8 = ConvBN(96, EMBED)
        self.b8 = Block(EMBED)
        self.out8 = nn.Conv2d(EMBED, EMBED, 3, padding=1)
        self.l4 = ConvBN(24, SKIP, 3, relu=False)
        self.e4 = nn.Conv2d(EMBED, SKIP, 1)
        self.like = Likeness()

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        c4, c8, c16, c32 = self.backbone(image)
        p32 = self.l32(c32) + self.context(c32.mean((2, 3), keepdim=True))
        p16 = self.b16(self.m16(F.relu(self.l16(c16) + up2(p32))))
        p8 = self.b8(self.m8(F.relu(self.l8(c8) + up2(p16))))
        embedding = self.out8(p8)
        skip = F.relu(self.l4(c4) + up2(self.e4(p8)))
        return embedding, skip, self.like(p8, p16)


class MaskEncoder(Encoder):
    """The encoder for masks alone, without `likeness`."""

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        embedding, skip, _ = super().forward(image)
        return embedding, skip


def prior_of(mask_input: Tensor) -> Tensor:
    """Logits of an earlier round [N, 1, H/2, W/2] as what they say, -1 to 1: [N, 1, H/4, W/4]."""
    return torch.tanh(F.avg_pool2d(mask_input, 2) * 0.25)


def outside(box: Tensor) -> Tensor:
    """What a box map [N, 1, h, w] leaves out; zeros where there is no box."""
    return torch.clamp(box.sum((2, 3), keepdim=True), max=1.0) - box


def mean2(x: Tensor) -> Tensor:
    """Mean over the positions: [N, C, h, w] to [N, C, 1, 1]."""
    return x.mean((2, 3), keepdim=True)


class Ranker(nn.Module):
    """What each candidate mask says about its own quality, added to the IoU head before the sigmoid.

    A candidate is described by the mean features inside and outside of it, by how much of each kind of prompt
    it covers, and by its size, softness and share within the box. All candidates share the weights. Starts at
    zero.
    """

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Conv2d(2 * MASK8 + KINDS + 3, 48, 1)
        self.out = nn.Conv2d(48, 1, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, features: Tensor, logits: Tensor, maps8: Tensor) -> Tensor:
        """features [N, 24, h, w], logits [N, 3, 4h, 4w], maps8 [N, KINDS, h, w] to [N, 3, 1, 1]."""
        soft = torch.sigmoid(F.avg_pool2d(logits, 4))
        asked = mean2(maps8) + 1e-6
        scores = []
        for c in range(CANDIDATES):
            q = soft[:, c : c + 1]
            rest = 1.0 - q
            area, left = mean2(q) + 1e-3, mean2(rest) + 1e-3
            described = [
                mean2(features * q) / area,
                mean2(features * rest) / left,
                mean2(maps8 * q) / asked,
                mean2(maps8[:, 2:3] * q) / area,
                mean2(q * rest) / area,
                area,
            ]
            scores.append(self.out(F.relu(self.hidden(torch.cat(described, 1)))))
        return torch.cat(scores, 1)


class Decoder(nn.Module):
    """Prompt maps against one embedding, to three mask candidates and their predicted IoU.

    embedding and skip of one image, or of N; prompt_maps [N, 3, H/4, W/4]: positive clicks, negative clicks,
    box (see `prompts.py`); mask_input [N, 1, H/2, W/2]: logits of an earlier round, zeros where there is
    none. Returns logits [N, 3, H/2, W/2] and iou [N, 3] in 0..1. `onnx_decoder.py` computes the same for
    export.
    """

    def __init__(self) -> None:
        super().__init__()
        self.prompt4 = ConvBN(6, 16)
        self.prompt8 = ConvBN(16, WIDE8, stride=2)
        self.embed = nn.Conv2d(EMBED, WIDE8, 1)
        self.similar = nn.Conv2d(KINDS * GROUPS, WIDE8, 1)
        self.vectors = nn.Linear(KINDS * EMBED, WIDE8)
        self.d8 = Block(WIDE8, HIDDEN8)
        self.down16 = ConvBN(WIDE8, WIDE16, stride=2)
        self.d16 = Block(WIDE16, HIDDEN16)
        self.down32 = ConvBN(WIDE16, WIDE32, stride=2)
        self.d32 = Block(WIDE32, HIDDEN32)
        self.context = nn.Conv2d(WIDE32, WIDE32, 1)
        self.u32 = ConvBN(WIDE32, WIDE16, 1, relu=False)
        self.u16 = ConvBN(WIDE16, WIDE8, 3, relu=False)
        self.u8 = ConvBN(WIDE8, MASK8, 3)
        self.u4 = nn.Conv2d(MASK8, SKIP, 1)
        self.p4 = nn.Conv2d(16, SKIP, 1)
        self.f4 = ConvBN(SKIP, SKIP)
        self.head = nn.Conv2d(SKIP, CANDIDATES * 4, 3, padding=1)
        self.iou = nn.Sequential(
            nn.Linear(WIDE32 + WIDE8, 96), nn.ReLU(inplace=True), nn.Linear(96, CANDIDATES)
        )
        self.ranker = Ranker()

    def forward(
        self, embedding: Tensor, skip: Tensor, prompt_maps: Tensor, mask_input: Tensor
    ) -> tuple[Tensor, Tensor]:
        prior = prior_of(mask_input)
        known = torch.clamp(prior.abs() * 4.0, max=1.0)
        beyond = outside(prompt_maps[:, 2:3])
        prompt4 = self.prompt4(torch.cat([prompt_maps, prior, known, beyond], 1))

        # One pooled embedding per kind of prompt: what was clicked on, clicked away, boxed, masked before...
        maps8 = F.avg_pool2d(torch.cat([prompt_maps, F.relu(prior), beyond, F.relu(-prior)], 1), 2)
        n, k, h, w = maps8.shape
        weights = maps8 / (maps8.sum((2, 3), keepdim=True) + 1e-4)
        unit = embedding / (embedding.square().mean(1, keepdim=True) + 1e-2).sqrt()
        flat = unit.flatten(2)
        vectors = torch.matmul(weights.flatten(2), flat.transpose(1, 2))  # [N, k, 64]
        per_group = vectors.reshape(n, k, GROUPS, EMBED // GROUPS).transpose(1, 2)  # [N, G, k, 16]
        positions = flat.reshape(-1, GROUPS, EMBED // GROUPS, h * w)  # [B, G, 16, hw]
        similar = torch.matmul(per_group, positions).reshape(n, GROUPS * k, h, w) * (GROUPS / EMBED)

        x8 = self.prompt8(prompt4) + self.embed(embedding) + self.similar(similar)
        x8 = F.relu(x8 + self.vectors(vectors.flatten(1))[:, :, None, None])
        x8 = self.d8(x8)
        x16 = self.d16(self.down16(x8))
        x32 = self.d32(self.down32(x16))
        pooled = x32.mean((2, 3), keepdim=True)
        y = F.relu(x16 + up2(self.u32(x32 + self.context(pooled))))
        y = F.relu(x8 + up2(self.u16(y)))
        y = self.u8(y)
        pooled8 = x8.mean((2, 3))
        f4 = self.f4(F.relu(skip + up2(self.u4(y)) + self.p4(prompt4)))
        logits = F.pixel_shuffle(self.head(f4), 2)
        whole = self.iou(torch.cat([pooled.flatten(1), pooled8], 1))
        # Ranking shapes the features, not the masks.
        iou = torch.sigmoid(whole + self.ranker(y, logits.detach(), maps8).flatten(1))
        return logits, iou


class Net(nn.Module):
    """Both halves, as checkpoints name them."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = Encoder(), Decoder()
