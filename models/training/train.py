"""Trains the model from random weights (or resumes): one process, wall-clock schedule."""

import argparse
import json
import math
import os
import time
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from data import Sampler, load_photos
from model import Decoder, Encoder
from prompts import box_map, click_map, error_click, person_click, sloppy_box

cv2.setNumThreads(0)
torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = Encoder(), Decoder()


def down2(mask):
    """Fraction of set pixels in each 2x2 cell: [.., H, W] to [.., H/2, W/2]."""
    return F.avg_pool2d(mask, 2)


def loss_of(logits, iou, truth, valid):
    """Focal + dice on the best candidate (a little on all), IoU regression on all; [n, 3, h, w] against [n, 1, h, w]."""
    p = torch.sigmoid(logits)
    ce = F.binary_cross_entropy_with_logits(logits, truth.expand_as(logits), reduction="none")
    pt = p * truth + (1 - p) * (1 - truth)
    area = valid.sum((2, 3)) + 1
    focal = (ce * (1 - pt).square() * valid).sum((2, 3)) / area
    bce = (ce * valid).sum((2, 3)) / area
    inter = (p * truth * valid).sum((2, 3))
    dice = 1 - (2 * inter + 1) / (((p + truth) * valid).sum((2, 3)) + 1)
    each = 8 * focal + bce + dice
    with torch.no_grad():
        hard, t = (logits > 0) & (valid > 0), (truth > 0.5) & (valid > 0)
        real = (hard & t).sum((2, 3)).float() / ((hard | t).sum((2, 3)).float() + 1e-6)
    best = each.argmin(1, keepdim=True)
    loss = each.gather(1, best).mean() + 0.06 * each.mean() + 1.0 * (iou - real).abs().mean()
    return loss, real


def start_prompts(rng, masks, valid, maps, mask_input):
    """First-round prompts of one image's masks, written into maps [K, 3, h4, w4] and mask_input [K, 1, h2, w2]."""
    side = masks.shape[-1]
    for k, mask in enumerate(masks):
        r = rng.random()
        if r < 0.55 or r >= 0.80:
            region = mask
            if r >= 0.80 and r < 0.9:
                pass
            x, y = person_click(rng, region)
            if r < 0.9:
                click_map(maps[k, 0], x, y)
        if 0.55 <= r < 0.90:
            box_map(maps[k, 2], sloppy_box(rng, mask, 0.02 if rng.random() < 0.4 else 0.15))
        if r >= 0.90:
            # A tracker's prompt: the mask of a moment ago, moved and roughened, and its box.
            m = mask.astype(np.float32)
            dx, dy = rng.normal(0, 0.03 * side, 2)
            scale = float(np.exp(rng.normal(0, 0.06)))
            ys, xs = np.nonzero(mask)
            cx, cy = xs.mean(), ys.mean()
            a = np.array([[scale, 0, cx * (1 - scale) + dx], [0, scale, cy * (1 - scale) + dy]])
            m = cv2.warpAffine(m, a, (side, side))
            if rng.random() < 0.5:
                n = int(rng.integers(3, 9))
                m = (cv2.erode if rng.random() < 0.5 else cv2.dilate)(m, np.ones((n, n), np.uint8))
            m = cv2.GaussianBlur(m, (0, 0), rng.uniform(0.7, 3))
            low = cv2.resize(m, (side // 2, side // 2), interpolation=cv2.INTER_AREA)
            mask_input[k, 0] = (low * 2 - 1) * rng.uniform(3, 10)
            if (m > 0.5).any() and rng.random() < 0.85:
                box_map(maps[k, 2], sloppy_box(rng, m > 0.5, 0.05))


def validate(net, photos, side):
    """Mean IoU on held-out photos: one click (ranked, best of three), box, and after 3 and 5 clicks."""
    rng = np.random.default_rng(5)
    sampler = Sampler(photos, side, 5, 1)
    totals, n = np.zeros(6), 0
    net.eval()
    with torch.no_grad():
        for photo in photos:
            if not photo.weight or photo.kind == "semantic-11class":
                continue
            image, ids, valid = sampler.warp(photo.image, photo.masks[0], plain=True)
            counts = np.bincount(ids.ravel(), minlength=256)
            counts[0] = counts[255] = 0
            value = int(counts.argmax())
            if counts[value] < 0.01 * side * side:
                continue
            mask = ids == value
            from data import MEAN, STD
            x = (image.astype(np.float32) / 255 - MEAN) / STD
            x[~valid] = 0
            e, s = net.encoder(torch.from_numpy(x.transpose(2, 0, 1)[None].astype(np.float32)))
            h4, h2 = side // 4, side // 2
            maps = np.zeros((2, 3, h4, h4), np.float32)
            depth = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
            y0, x0 = np.unravel_index(depth.argmax(), depth.shape)
            click_map(maps[0, 0], x0 + 0.5, y0 + 0.5)
            box_map(maps[1, 2], sloppy_box(rng, mask, 0.0))
            prior = torch.zeros(2, 1, h2, h2)
            iou_of = lambda l: float((((up := cv2.resize(l, (side, side)) > 0) & valid) & mask).sum()) / max(1, ((up & valid) | mask).sum())
            row = []
            for click in range(5):
                logits, iou = net.decoder(e, s, torch.from_numpy(maps), prior)
                top = iou.argmax(1)
                ranked = [logits[j, top[j]].numpy() for j in range(2)]
                if click == 0:
                    row += [iou_of(ranked[0]), max(iou_of(logits[0, c].numpy()) for c in range(3)), iou_of(ranked[1])]
                if click in (2, 4):
                    row.append(iou_of(ranked[0]))
                up = cv2.resize(ranked[0], (side, side)) > 0
                new = error_click(rng, up, mask, valid)
                if new:
                    click_map(maps[0, 0 if new[2] else 1], new[0], new[1])
                prior[0, 0] = torch.from_numpy(ranked[0])
            row.append(float(iou[0, top[0]]))
            totals += row
            n += 1
    net.train()
    return dict(zip(("click", "click_oracle", "box", "click3", "click5", "pred"), (totals / max(1, n)).round(4))), n


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--data", type=Path, default=Path("/work/shared/data"))
    p.add_argument("--extra", type=Path)
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--minutes", type=float, default=80)
    p.add_argument("--stages", default="160:0.65,208:0.2,256:0.15")
    p.add_argument("--batch", type=int, default=16)
    p.add_argument("--masks", type=int, default=4)
    p.add_argument("--lr", type=float, default=2e-3)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--bf16", action="store_true")
    args = p.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(args.seed)
    began = time.time()
    photos = load_photos(args.data, args.extra)
    order = np.random.default_rng(0).permutation(len(photos))
    held = set(order[: len(photos) // 30].tolist())
    train, val = [p for i, p in enumerate(photos) if i not in held], [p for i, p in enumerate(photos) if i in held]
    val = [p for p in val if p.source in ("coco_mval", "coco_panoptic", "ecssd", "davis_frames") or "coco" in p.source.lower()]
    print(f"{len(train)} photos, {len(val)} held out, loaded in {time.time() - began:.0f} s", flush=True)

    net = Net().to(memory_format=torch.channels_last)
    decay = [q for q in net.parameters() if q.ndim > 1]
    other = [q for q in net.parameters() if q.ndim <= 1]
    opt = torch.optim.AdamW([{"params": decay, "weight_decay": 0.02}, {"params": other, "weight_decay": 0.0}], lr=args.lr)
    ema = torch.optim.swa_utils.AveragedModel(net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.998), use_buffers=True)
    stages, share = [], 0.0
    for part in args.stages.split(","):
        side, fraction = part.split(":")
        share += float(fraction)
        stages.append((int(side), share))

    step, spent, state = 0, 0.0, args.out / "state.pt"
    if state.exists():
        s = torch.load(state, weights_only=False)
        net.load_state_dict(s["net"]); opt.load_state_dict(s["opt"]); ema.load_state_dict(s["ema"])
        step, spent = s["step"], s["spent"]
        print(f"resumed at step {step}, {spent / 60:.1f} min", flush=True)

    def save():
        torch.save({"net": net.state_dict(), "opt": opt.state_dict(), "ema": ema.state_dict(), "step": step, "spent": spent}, state.with_suffix(".tmp"))
        state.with_suffix(".tmp").rename(state)

    rng = np.random.default_rng(args.seed * 1000 + step)
    sampler, total = None, args.minutes * 60
    last, checked, window = time.time(), spent, []
    net.train()
    while spent < total:
        done = spent / total
        side = next(s for s, until in stages if done < until or until == stages[-1][1])
        if sampler is None or sampler.side != side:
            sampler = Sampler(train, side, args.seed + step, args.masks)
        batch = args.batch if side <= 160 else max(6, int(args.batch * (160 / side) ** 2))
        lr = args.lr * min(1.0, (step + 1) / 200) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))
        for group in opt.param_groups:
            group["lr"] = lr
        samples = [sampler.sample() for _ in range(batch)]
        images = torch.from_numpy(np.stack([s[0] for s in samples])).contiguous(memory_format=torch.channels_last)
        k, h4, h2 = args.masks, side // 4, side // 2
        maps = np.zeros((batch, k, 3, h4, h4), np.float32)
        priors = np.zeros((batch, k, 1, h2, h2), np.float32)
        for b, (_, masks, valid) in enumerate(samples):
            start_prompts(rng, masks, valid, maps[b], priors[b])
        masks = np.concatenate([s[1] for s in samples])
        valids = np.repeat(np.stack([s[2] for s in samples]), k, 0)
        truth = down2(torch.from_numpy(masks).float()[:, None])
        valid = (down2(torch.from_numpy(valids).float()[:, None]) > 0.5).float()
        maps_t = torch.from_numpy(maps.reshape(-1, 3, h4, h4))
        prior = torch.from_numpy(priors.reshape(-1, 1, h2, h2))
        with torch.autocast("cpu", torch.bfloat16, enabled=args.bf16):
            e, s = net.encoder(images)
        e = e.float().repeat_interleave(k, 0)
        s = s.float().repeat_interleave(k, 0)
        rounds = 1 + int(rng.choice(4, p=[0.2, 0.4, 0.25, 0.15]))
        loss_sum, first = 0.0, None
        for r in range(rounds):
            with torch.autocast("cpu", torch.bfloat16, enabled=args.bf16):
                logits, iou = net.decoder(e, s, maps_t, prior)
            logits, iou = logits.float(), iou.float()
            loss, real = loss_of(logits, iou, truth, valid)
            loss_sum = loss_sum + loss
            if r == 0:
                first = (float(loss.detach()), float(real.max(1).values.mean()), float(real.gather(1, iou.argmax(1, keepdim=True)).mean()))
            if r + 1 < rounds:
                top = iou.argmax(1) if rng.random() < 0.7 else real.argmax(1)
                chosen = logits.detach()[torch.arange(len(top)), top]
                maps_t = maps_t.clone()
                hard = chosen.numpy() > 0
                t2, v2 = truth[:, 0].numpy() > 0.5, valid[:, 0].numpy() > 0.5
                for j in range(len(hard)):
                    new = error_click(rng, hard[j], t2[j], v2[j])
                    if new:
                        click_map(maps_t[j, 0 if new[2] else 1].numpy(), new[0] * 2, new[1] * 2)
                prior = chosen[:, None] if rng.random() < 0.85 else torch.zeros_like(chosen[:, None])
        opt.zero_grad(set_to_none=True)
        (loss_sum / rounds).backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 2.0)
        opt.step()
        ema.update_parameters(net)
        step += 1
        now = time.time()
        spent += now - last
        window.append((*first, now - last, batch))
        last = now
        if step % 25 == 0:
            w = np.array(window); window = []
            print(f"step {step} {spent / 60:.1f}/{args.minutes:.0f} min side {side} lr {lr:.1e} loss {w[:,0].mean():.3f} best {w[:,1].mean():.3f} ranked {w[:,2].mean():.3f} {w[:,4].sum() / w[:,3].sum():.1f} img/s", flush=True)
        if spent - checked > 600:
            checked = spent
            figures, n = validate(ema.module, val, 256 if done > 0.8 else side)
            print("validation", step, n, figures, flush=True)
            with (args.out / "log.jsonl").open("a") as f:
                f.write(json.dumps({"step": step, "minutes": round(spent / 60, 1), "side": side, **{q: float(v) for q, v in figures.items()}}) + "\n")
            save()
            last = time.time()
    save()
    print("validation", step, *validate(ema.module, val, 256), flush=True)


main()
