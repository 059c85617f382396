"""Judges the films that sample.js made, by probes, beside the world's own films of the same cases:

    python evaluate.py probes.safetensors DRAWN FILMS [FILMS...] [--json report.json] [--sheet sheet.webp] [--pairs]

Prints a table. Attributes and places are right in so many of the frames, actions in so many of the films of 16 frames;
consistency is the mean cosine of consecutive frames' features; motion the mean absolute difference of consecutive frames, of
255. "Drift" is how many points more attributes a film's last frame has right than its first one, by a straight line through all.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from probes import CLASSES, FRAMES, SIZE, load_probes, to_tensor

ATTRIBUTES = ["plan", "colour", "pattern", "accessory"]


def read_films(folder: Path) -> tuple[list[dict], list[np.ndarray]]:
    cases = [json.loads(line) for line in (folder / "cases.jsonl").read_text().splitlines()]
    films = [np.asarray(Image.open(folder / f"{case['index']:03d}.png").convert("RGB")) for case in cases]
    return cases, [film.reshape(-1, SIZE, SIZE, 3) for film in films]


@torch.no_grad()
def judge(probes, cases: list[dict], films: list[np.ndarray]) -> list[dict]:
    """For each film: the share of its frames, or whether the film, shows what was asked for."""
    results = []
    for case, film in zip(cases, films):
        logits, features = probes(to_tensor(film)[None])
        if len(film) != FRAMES:
            del logits["action"]
        each = {name: (of[0].argmax(-1) == CLASSES[name].index(case[name])).float() for name, of in logits.items()}
        right = {name: of.mean().item() for name, of in each.items()}
        right["drift"] = drift(sum(each[name] for name in ATTRIBUTES).numpy() / len(ATTRIBUTES))
        cosine = torch.nn.functional.cosine_similarity(features[0, :-1], features[0, 1:], dim=-1).mean().item()
        motion = float(np.abs(np.diff(film.astype(np.int16), axis=0)).mean())
        results.append(right | {"consistency": cosine, "motion": motion, "heldOutPair": case["heldOutPair"]})
    return results


def drift(right: np.ndarray) -> float:
    """Of what is right in each frame, from the first to the last one, by least squares."""
    return float(np.polyfit(np.linspace(0, 1, len(right)), right, 1)[0])


def summary(results: list[dict]) -> dict:
    mean = {name: float(np.mean([r[name] for r in results])) for name in results[0] if name != "heldOutPair"}
    attributes = [np.mean([r[name] for name in ATTRIBUTES]) for r in results]
    mean["attributes"] = float(np.mean(attributes))
    mean["attributes, standard error"] = float(np.std(attributes) / np.sqrt(len(results)))
    mean["drift, standard error"] = float(np.std([r["drift"] for r in results]) / np.sqrt(len(results)))
    if "action" in mean:
        mean["action and place"] = float(np.mean([mean["action"], mean["place"]]))
    held_out = [r for r in results if r["heldOutPair"]]
    if held_out:
        if "action" in mean:
            mean["action, new pairs"] = float(np.mean([r["action"] for r in held_out]))
        mean["place, new pairs"] = float(np.mean([r["place"] for r in held_out]))
    return mean | {"films": len(results)}


@torch.no_grad()
def judge_pairs(probes, cases: list[dict], films: list[np.ndarray]) -> dict:
    """Of films of pairs, whose halves follow one another: in how many of the frames a half's own subject is likelier than
    the other one, and in how many of the halves at least 0.75 of the attributes are right."""
    own, right = [], []
    for i, (case, film) in enumerate(zip(cases, films)):
        logits = {name: of[0] for name, of in probes(to_tensor(film)[None])[0].items() if name in ATTRIBUTES}

        def likelihood(subject: dict) -> torch.Tensor:
            return sum(of.log_softmax(-1)[:, CLASSES[name].index(subject[name])] for name, of in logits.items())

        own.append((likelihood(case) > likelihood(cases[i ^ 1])).float().mean().item())
        found = [(of.argmax(-1) == CLASSES[name].index(case[name])).float().mean() for name, of in logits.items()]
        right.append(float(np.mean(found)) >= 0.75)
    return {"own, not the other": float(np.mean(own)), "halves of 0.75 or more": float(np.mean(right))}


def sheet(cases: list[dict], films: list[np.ndarray], path: Path, columns: int = 10) -> None:
    """Every film by its first, sixth and eleventh frame, unselected, in the order of the cases."""
    shown = [np.concatenate([film[i] for i in (0, 5, 10)], axis=1) for film in films]
    blank = np.full_like(shown[0], 255)
    rows = [shown[i : i + columns] for i in range(0, len(shown), columns)]
    rows = [np.concatenate(row + [blank] * (columns - len(row)), axis=1) for row in rows]
    Image.fromarray(np.concatenate(rows)).resize(
        (columns * 3 * SIZE // 2, len(rows) * SIZE // 2), Image.Resampling.LANCZOS
    ).save(path, quality=40, method=6)


def main() -> None:
    parser = argparse.ArgumentParser(description="judge films of held-out subjects")
    parser.add_argument("probes", type=Path)
    parser.add_argument("folders", type=Path, nargs="+", help="of sample.js; the first one with --drawn")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--sheet", type=Path, help="a contact sheet of the last folder")
    parser.add_argument("--pairs", action="store_true", help="the films are of sample.js --pairs")
    args = parser.parse_args()
    probes = load_probes(args.probes)
    report = {}
    for folder in args.folders:
        cases, films = read_films(folder)
        report[folder.name] = summary(judge(probes, cases, films))
        if args.pairs:
            report[folder.name] |= judge_pairs(probes, cases, films)
    if args.sheet:
        sheet(cases, films, args.sheet)
    names = list(report)
    print("| measure | " + " | ".join(names) + " |\n|" + " --- |" * (len(names) + 1))
    for measure in dict.fromkeys(name for of in report.values() for name in of):
        values = [f"{report[name].get(measure, float('nan')):.3f}" for name in names]
        print(f"| {measure} | " + " | ".join(values) + " |")
    if args.json:
        args.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
