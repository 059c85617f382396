"""Networks that read from a film what was asked of it: the subject's body plan, colour, pattern and accessory from single
frames, the place from single frames, the action from all frames. Trained on drawn clips alone:

    python probes.py TRAIN/clips.jsonl probes.safetensors [--hours 0.5]

A second run goes on where the first one stopped. Their accuracy on held-out drawn films is part of every report that
evaluate.py writes. Needs torch, numpy, pillow and safetensors.
"""

import argparse
import json
import lzma
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load, save_file
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

FRAMES, SIZE = 16, 128
SHORT = 4  # frames of a film that is not read whole
CLASSES = {
    "plan": ["biped", "quadruped", "bird", "blob"],
    "colour": ["red", "orange", "yellow", "green", "cyan", "blue", "purple", "pink"],
    "pattern": ["plain", "stripes", "spots", "belly"],
    "accessory": ["none", "top hat", "scarf", "crown", "glasses"],
    "place": ["meadow", "beach", "snow", "city", "sea", "moon"],
    "action": ["walk", "run", "jump", "spin", "wave", "swim"],
}


class Residual(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.norm = nn.GroupNorm(8, channels)
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.conv(F.silu(self.norm(x)))


def halved(channels: int, out: int) -> nn.Sequential:
    """To half the resolution."""
    down = nn.Conv2d(channels, out, 3, stride=2, padding=1)
    return nn.Sequential(nn.GroupNorm(8, channels), nn.SiLU(), down, Residual(out))


class Probes(nn.Module):
    """Films (N, FRAMES, 3, SIZE, SIZE) in -1..1 -> logits: (N, FRAMES, classes) of what a frame shows, (N, classes) of
    the action; and features (N, FRAMES, 128)."""

    def __init__(self):
        super().__init__()
        patches = nn.Conv2d(3, 32, 4, stride=4)
        self.fine = nn.Sequential(patches, Residual(32), halved(32, 64), halved(64, 128))
        self.coarse = halved(128, 128)
        self.mix = nn.Linear(4 * 128, 128)
        self.heads = nn.ModuleDict({name: nn.Linear(128, len(of)) for name, of in CLASSES.items() if name != "action"})
        # Where in the frame a body part is tells of the action, so the last map is not averaged for it.
        self.pose = nn.Linear(128 * 16, 64)
        self.motion = nn.Sequential(
            nn.Conv1d(64, 96, 5, padding=2), nn.SiLU(), nn.Conv1d(96, 96, 5, padding=2), nn.SiLU()
        )
        self.action = nn.Linear(2 * 96, len(CLASSES["action"]))

    def forward(self, films: torch.Tensor) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        n = films.shape[0]
        fine = self.fine(films.flatten(0, 1))  # (N * FRAMES, 128, 8, 8)
        maps = self.coarse(fine)  # (N * FRAMES, 128, 4, 4)
        pooled = [pool for of in (fine, maps) for pool in (of.mean((2, 3)), of.amax((2, 3)))]
        features = F.silu(self.mix(torch.cat(pooled, 1))).unflatten(0, (n, -1))
        logits = {name: head(features) for name, head in self.heads.items()}
        pose = F.silu(self.pose(maps.flatten(1))).unflatten(0, (n, -1))
        moved = self.motion(pose.transpose(1, 2))
        logits["action"] = self.action(torch.cat([moved.mean(2), moved.amax(2)], 1))
        return logits, features


def to_tensor(film: np.ndarray) -> torch.Tensor:
    """(..., H, W, 3), 8 bits -> (..., 3, H, W) in -1..1."""
    return torch.tensor(film).float().div(127.5).sub(1).movedim(-1, -3)


def read_clip(folder: Path, frames: np.ndarray) -> np.ndarray:
    paths = sorted(folder.glob("*.png"))
    return np.stack([np.asarray(Image.open(paths[i]).convert("RGB")) for i in frames])


class Batches(Dataset):
    """What a step learns from, by the step's number: films (N, frames, 3, SIZE, SIZE) and the class of each attribute (N)."""

    def __init__(self, clips: Path, batch: int):
        self.lines = [json.loads(line) for line in clips.read_text().splitlines()]
        self.folder = clips.parent
        self.batch = batch

    def __getitem__(self, step: int) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        rng = np.random.default_rng([step, 1])
        frames = frames_of(step, rng)
        chosen = [self.lines[i] for i in rng.integers(len(self.lines), size=self.batch * FRAMES // len(frames))]
        films = to_tensor(np.stack([read_clip(self.folder / line["path"], frames) for line in chosen]))
        if rng.random() < 0.5:
            films = films.flip(-1)
        wanted = {name: torch.tensor([of.index(line[name]) for line in chosen]) for name, of in CLASSES.items()}
        return blurred(films, rng), wanted


def blurred(films: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Some films less sharp and a little noisy, as a VAE leaves them: probes must read the subject, not the pixels."""
    if rng.random() < 0.5:
        low = F.interpolate(films.flatten(0, 1), scale_factor=float(rng.uniform(0.4, 0.9)), mode="area")
        films = F.interpolate(low, size=(SIZE, SIZE), mode="bilinear").unflatten(0, films.shape[:2])
    return films + torch.randn_like(films) * float(rng.uniform(0, 0.06))


def loss_of(logits: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]) -> torch.Tensor:
    """The sum over what is read; the action only where the films are whole."""
    losses = []
    frames = logits["plan"].shape[1]
    for name, of in logits.items():
        target = wanted[name]
        if of.dim() == 3:
            of, target = of.flatten(0, 1), target.repeat_interleave(frames)
        elif frames < FRAMES:
            continue
        losses.append(F.cross_entropy(of, target))
    return torch.stack(losses).sum()


def frames_of(step: int, rng: np.random.Generator) -> np.ndarray:
    """Every eighth step is of whole films, the others of a few frames of four times as many: more subjects are seen so."""
    return np.arange(FRAMES) if step % 8 == 0 else np.sort(rng.choice(FRAMES, SHORT, replace=False))


def learning_rate(step: int, steps: int) -> float:
    """A hundred steps of warm-up, then a cosine to a fiftieth."""
    return 1e-3 * min(1, (step + 1) / 100) * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * step / steps)))


def train(clips: Path, path: Path, hours: float, batch: int, steps: int) -> None:
    torch.manual_seed(0)
    probes = Probes()
    optimizer = torch.optim.AdamW(probes.parameters(), weight_decay=0.01)
    state = path.with_suffix(".state")
    done = 0
    if state.exists():
        saved = torch.load(state)
        probes.load_state_dict(saved["probes"])
        optimizer.load_state_dict(saved["optimizer"])
        done = saved["done"]
    batches = DataLoader(Batches(clips, batch), batch_size=None, sampler=range(done, steps), num_workers=1, prefetch_factor=8)
    end, seen = time.time() + hours * 3600, []
    for step, (films, wanted) in enumerate(batches, done):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, steps)
        loss = loss_of(probes(films)[0], wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seen.append(loss.item())
        if (step + 1) % 50 == 0:
            print(f"step {step + 1} of {steps}: loss {np.mean(seen[-50:]):.3f}", flush=True)
        if (step + 1) % 200 == 0 or time.time() > end or step + 1 == steps:
            saved = {"probes": probes.state_dict(), "optimizer": optimizer.state_dict(), "done": step + 1}
            torch.save(saved, state)
            save_file({name: tensor.half() for name, tensor in probes.state_dict().items()}, path)
        if time.time() > end:
            print(f"stopped after {step + 1} steps; run again to go on")
            return


def load_probes(path: Path) -> Probes:
    probes = Probes()
    content = path.read_bytes()
    tensors = load(lzma.decompress(content) if path.suffix == ".xz" else content)
    probes.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    return probes.eval()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="train the probes on drawn clips")
    parser.add_argument("clips", type=Path)
    parser.add_argument("probes", type=Path)
    parser.add_argument("--hours", type=float, default=2, help="stop after so long")
    parser.add_argument("--batch", type=int, default=8, help="whole clips to a step")
    parser.add_argument("--steps", type=int, default=6000)
    args = parser.parse_args()
    train(args.clips, args.probes, args.hours, args.batch, args.steps)
