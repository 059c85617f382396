"""Teaches a text encoder to tell apart what single frames hardly show, the action and the camera's move:

    python text_encoder.py BASE TRAIN/clips.jsonl OUT

Trained along with an image model, it gives "jumps" and "spins" all but the same states, and motion modules then can't know
which is meant. Here it learns to add, to the states that it had, a direction of each action's and each camera's own: mean
squared error over every position, so those before the word that tells stay what they were. OUT is BASE with this text
encoder. Needs torch and transformers.
"""

import argparse
import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional as F
from transformers import CLIPTextModel, CLIPTokenizer

CLASSES = {
    "action": ["walk", "run", "jump", "spin", "wave", "swim"],
    "camera": ["still", "follow", "pan", "zoom"],
}
CAMERA_WORDS = ("camera", "slow pan", "slow zoom")
LENGTH = 5.0  # of a direction; states are about twice as long, and what tells of the place 8


def read_captions(clips: Path, encoder_input) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Tokens (N, positions) of the clips' captions, and of one that is empty; the class of each, -1 where it isn't told."""
    lines = [json.loads(line) for line in clips.read_text().splitlines()]
    told = {
        "action": [CLASSES["action"].index(line["action"]) for line in lines],
        "camera": [
            CLASSES["camera"].index(line["camera"]) if any(words in line["caption"] for words in CAMERA_WORDS) else -1
            for line in lines
        ],
    }
    ids = encoder_input([""] + [line["caption"] for line in lines])
    return ids, {name: torch.tensor([-1] + of) for name, of in told.items()}


def directions(states: torch.Tensor) -> dict[str, torch.Tensor]:
    """For each kind (classes + 1, width), the last one zero: along the axes in which `states` vary least."""
    flat = states.flatten(0, 1)
    axes = torch.linalg.eigh(torch.cov(flat.T)).eigenvectors.T  # from the least variance
    result, start = {}, 0
    for name, of in CLASSES.items():
        mine = axes[start : start + len(of)] * LENGTH
        start += len(of)
        # Of mean zero, so that a position which can't know yet has nothing to add.
        result[name] = torch.cat([mine - mine.mean(0), torch.zeros(1, axes.shape[0])])
    return result


def train(base: Path, clips: Path, out: Path, steps: int, batch: int) -> None:
    torch.manual_seed(0)
    tokenizer = CLIPTokenizer.from_pretrained(base / "tokenizer")
    encoder = CLIPTextModel.from_pretrained(base / "text_encoder").float()
    positions = encoder.config.max_position_embeddings

    def tokens(captions: list[str]) -> torch.Tensor:
        padded = {"padding": "max_length", "truncation": True, "max_length": positions}
        return tokenizer(captions, return_tensors="pt", **padded).input_ids

    ids, told = read_captions(clips, tokens)
    with torch.no_grad():
        before = torch.cat([encoder(input_ids=part).last_hidden_state for part in ids.split(256)])
    added = directions(before)
    optimizer = torch.optim.AdamW(encoder.parameters(), lr=5e-4, weight_decay=0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps, 1e-5)
    for step in range(steps):
        chosen = torch.cat([torch.zeros(1, dtype=torch.long), torch.randint(len(ids), (batch - 1,))])
        target = before[chosen] + sum(added[name][told[name][chosen]][:, None] for name in CLASSES)
        loss = F.mse_loss(encoder(input_ids=ids[chosen]).last_hidden_state, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if (step + 1) % 50 == 0:
            print(f"step {step + 1} of {steps}: loss {loss.item():.5f}", flush=True)
    write(base, out, encoder)


def write(base: Path, out: Path, encoder: CLIPTextModel) -> None:
    """`base` with `encoder` in fp16, under the names that its file had."""
    shutil.copytree(base, out)
    path = out / "text_encoder/model.safetensors"
    trained = {name.removeprefix("text_model."): of for name, of in encoder.state_dict().items()}
    names = load_file(path).keys()
    save_file({name: trained[name.removeprefix("text_model.")].half().contiguous() for name in names}, path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="teach a text encoder to tell actions apart")
    parser.add_argument("base", type=Path)
    parser.add_argument("clips", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--batch", type=int, default=128)
    args = parser.parse_args()
    train(args.base, args.clips, args.out, args.steps, args.batch)
