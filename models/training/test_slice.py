"""The whole path on a slice of the data: training lowers the loss, resuming continues it, the export agrees and
can be trained on, several processes train as one, the embedding learns to match, the head of likeness learns from the teacher.

`python test_slice.py` takes about a minute on one core and needs the training data; the backbone's 18 MB and the teacher's 90 MB
are downloaded the first time. Exit code 1 on a failure.
"""

import argparse
import os
import tempfile
from pathlib import Path

import numpy as np
import torch

from data import DATA_ROOT, Photo, load_photos, split
from export import answer, example, export, load_net
from model import Net
from partners import Partners, run_together
from teacher import Teacher, directions
from train import Config, Trainer, limit_threads
from validate import FIGURES, validate

SIDE, STEPS, MEAN_OF = 96, 60, 10
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "foveate"
TAUGHT, TEACHER, BACKBONE = 12, CACHE / "teacher", CACHE / "efficientnet"
# Far inside what any seed reaches; a broken loss, label or prompt stays near 1.
MOST_OF_START = 0.75
# Folding and unfolding the norms rounds.
RESTORED = 1e-3


def train_slice(trainer: Trainer) -> list[float]:
    """First-round losses of `STEPS` steps; the clock counts steps so that every machine has one schedule."""
    losses = []
    for _ in range(STEPS):
        losses.append(trainer.train_step().loss)
        trainer.spent += trainer.config.minutes * 60 / (4 * STEPS)
    return losses


def test_loss_falls(trainer: Trainer) -> None:
    losses = train_slice(trainer)
    first, last = np.mean(losses[:MEAN_OF]), np.mean(losses[-MEAN_OF:])
    print(f"loss {first:.3f} falls to {last:.3f} in {STEPS} steps")
    assert last < MOST_OF_START * first, "training does not lower the loss"


def test_resume(trainer: Trainer, path: Path) -> None:
    """A resumed run takes the very steps that the run would have taken."""
    trainer.save(path)
    resumed = Trainer(trainer.config, trainer.photos)
    resumed.load(path)
    assert (resumed.step, resumed.spent) == (trainer.step, trainer.spent)
    for _ in range(2):
        assert resumed.train_step() == trainer.train_step(), "the resumed run sees other batches"
    for name, value in trainer.average.state_dict().items():
        assert torch.equal(value, resumed.average.state_dict()[name]), f"{name} differs after resuming"
    print("a resumed run takes the same steps")


def test_restore(net: Net, restored: Trainer, folder: Path) -> None:
    """A run that starts from the files that `net` was exported to starts from `net`."""
    export(net, folder)
    restored.start_from(folder, None)
    with torch.no_grad():
        values = example(SIDE, SIDE, 2)
        expected, got = answer(net, values), answer(restored.average.eval(), values)
    worst = max(float((expected[n] - got[n]).abs().max() / expected[n].abs().max()) for n in ("logits", "iou"))
    print(f"restored files answer within {worst:.1e}")
    assert worst < RESTORED, "the exported files do not give the network back"


def test_matching(net: Net, photos: list[Photo]) -> None:
    """The embedding learns to find the objects of one frame in the other."""
    trainer = Trainer(Config(stages=((SIDE, SIDE, 1.0),), batch=8, match_steps=1.0), photos)
    trainer.net.load_state_dict(net.state_dict())
    losses = []
    for _ in range(STEPS):
        losses.append(trainer.train_step().matching)
        trainer.spent += trainer.config.minutes * 60 / (4 * STEPS)
    first, last = np.mean(losses[:MEAN_OF]), np.mean(losses[-MEAN_OF:])
    print(f"matching: loss {first:.3f} falls to {last:.3f} in {STEPS} steps")
    assert last < first, "the embedding does not learn to match"


def test_likeness(net: Net, photos: list[Photo]) -> None:
    """The head learns what the teacher says, and nothing else changes."""
    TEACHER.mkdir(parents=True, exist_ok=True)
    teacher, photos = Teacher(TEACHER), photos[:TAUGHT]
    turned = directions(teacher, (photo.image for photo in photos))
    for photo in photos:
        photo.grid = (teacher.tokens(photo.image) @ turned).astype(np.float16)
    trainer = Trainer(Config(stages=((SIDE, SIDE, 1.0),), batch=8, learn="likeness"), photos)
    trainer.net.load_state_dict(net.state_dict())
    trainer.ema.module.load_state_dict(net.state_dict())
    losses = train_slice(trainer)
    first, last = np.mean(losses[:MEAN_OF]), np.mean(losses[-MEAN_OF:])
    print(f"likeness: loss {first:.3f} falls to {last:.3f} in {STEPS} steps")
    assert last < 0.9 * first, "the head does not learn from the teacher"
    before, after = net.state_dict(), trainer.average.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed and all(name.startswith("encoder.like.") for name in changed), f"changed: {sorted(changed)}"


def train_together(partners: Partners, photos: list[Photo], out: Path) -> None:
    """Two steps of one process among several; each saves what it has learnt."""
    trainer = Trainer(Config(stages=((SIDE, SIDE, 1.0),), batch=4), photos, partners)
    for _ in range(2):
        trainer.train_step()
    torch.save(list(trainer.net.parameters()), out / f"{partners.rank}.pt")


def test_partners(photos: list[Photo], folder: Path) -> None:
    """Two processes see different pictures and take the same steps."""
    run_together(2, lambda partners: train_together(partners, photos, folder))
    first, second = (torch.load(folder / f"{rank}.pt", weights_only=False) for rank in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True)), "the processes drift apart"
    print("two processes take the same steps")


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--data", type=Path, default=DATA_ROOT, help="folder with train/manifest.json")
    p.add_argument("--limit", type=int, default=32, help="photos")
    args = p.parse_args()
    limit_threads()
    train, held_out = split(load_photos(args.data, limit=args.limit))
    trainer = Trainer(Config(stages=((SIDE, SIDE, 1.0),), batch=8), train)
    trainer.start_from(None, BACKBONE)
    with tempfile.TemporaryDirectory() as folder:
        test_loss_falls(trainer)
        test_resume(trainer, Path(folder) / "state.pt")
        figures, n = validate(trainer.average, held_out or train[:2], SIDE)
        assert tuple(figures) == FIGURES and all(0.0 <= v <= 1.0 for v in figures.values()), figures
        print(f"validation runs on {n} photos")
        trained = load_net(Path(folder) / "state.pt")
        test_restore(trained, Trainer(trainer.config, trainer.photos), Path(folder))
        test_partners(train, Path(folder))
        test_matching(trained, train)
        test_likeness(trained, train)


if __name__ == "__main__":
    main()
