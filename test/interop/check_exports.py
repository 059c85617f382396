"""Loads what training runs wrote with diffusers, and adapters with PEFT, and compares one evaluation of the network with
cameo's own: `python test/interop/check_exports.py` from the project's root, after `npm test -- trainer_kinds`, which
leaves its runs where this looks for them. Needs test/fixtures/make/requirements.txt and peft."""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from PIL import Image
from safetensors.torch import load_file

root = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(root / "test" / "fixtures" / "make"))

from networks import run_unet  # noqa: E402
from pisa import inject  # noqa: E402
from sampling import Models, load_models  # noqa: E402

folder = root / "build" / "fixtures" / "trainer_kinds"
runs = folder / "runs"
base, motion, subject = folder / "base", folder / "motion", folder / "subject.safetensors"
FRAMES = 4
TOLERANCE = 1e-4  # relative to the largest value


def cameo_sample(flags: list[str], frames: int) -> tuple[dict[str, torch.Tensor], list[np.ndarray]]:
    """What `cameo sample` computed on its way (the text, the network's first input and output, latents), and the frames."""
    with tempfile.TemporaryDirectory() as made:
        saved = Path(made) / "tensors.safetensors"
        request = ["--prompt", "a box moves", "--frames", str(frames), "--size", "64x64", "--steps", "2", "--seed", "3"]
        output = ["--save-latents", str(saved), "-o", str(Path(made) / "frames-%03d.png"), "--quiet"]
        command = ["node", "dist/cli/main.js", "sample", "--device", "cpu", "--dtype", "fp32", *flags, *request]
        subprocess.run(command + output, cwd=root, check=True, stdout=subprocess.DEVNULL)
        return load_file(saved), [np.asarray(Image.open(path)) for path in sorted(Path(made).glob("*.png"))]


def difference(actual: torch.Tensor, expected: torch.Tensor) -> float:
    return ((actual - expected).abs().max() / expected.abs().max()).item()


@torch.no_grad()
def compare(name: str, models: Models, flags: list[str], frames: int = FRAMES, references: int = 0) -> bool:
    models.to(torch.float32)
    tensors, _ = cameo_sample(flags, frames)
    ids = models.tokenizer(
        "a box moves", padding="max_length", max_length=77, truncation=True, return_tensors="pt"
    ).input_ids
    text = models.text_encoder(ids).last_hidden_state
    if references > 0:
        inject(models.unet, frames, references)
    both = torch.cat([tensors["negative_embeds"], tensors["prompt_embeds"]])
    x, t = tensors["unet_in_0"], tensors["timesteps"][0]
    y = run_unet(models.unet, x.transpose(1, 2), t.expand(2), both).transpose(1, 2)
    differences = {"text": difference(tensors["prompt_embeds"], text), "output": difference(tensors["unet_out_0"], y)}
    print(f"{name:8}", *(f"{what} {value:.1e}" for what, value in differences.items()))
    return all(value <= TOLERANCE for value in differences.values())


@torch.no_grad()
def compare_vae(folder: Path, model: Path) -> bool:
    """The picture that cameo decodes from its last latents, by the VAE of `folder`, which `model` has beside others."""
    vae = AutoencoderKL.from_pretrained(folder).eval()
    tensors, (picture,) = cameo_sample(["--base", str(model)], frames=1)
    latents = tensors["latents"][-1][:, :, 0] / vae.config.scaling_factor
    decoded = vae.decode(latents).sample[0].permute(1, 2, 0)
    expected = ((decoded / 2 + 0.5).clamp(0, 1) * 255).round().numpy()
    largest = np.abs(picture.astype(int) - expected).max()
    print(f"{'vae':8} picture off by {largest:.0f} of 255, scaling factor {vae.config.scaling_factor:.4f}")
    return largest <= 1


def main() -> None:
    with tempfile.TemporaryDirectory() as made:
        picture = Path(made) / "me.png"
        Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(picture)
        image = runs / "image" / "model" / "base"
        moving = runs / "motion" / "model" / "motion"
        whole = runs / "subject" / "model" / "subject.safetensors"
        adapters = runs / "lora" / "model" / "subject.safetensors"
        frozen = ["--base", str(base), "--motion", str(motion), "--reference", str(picture)]

        adapted = load_models(base, motion, subject)
        adapted.unet.load_lora_adapter(load_file(adapters), prefix="unet")
        agree = [
            compare_vae(runs / "vae" / "model" / "base" / "vae", runs / "image-after-vae" / "model" / "base"),
            compare("image", load_models(image, None, None), ["--base", str(image)], frames=1),
            compare("motion", load_models(base, moving, None), ["--base", str(base), "--motion", str(moving)]),
            compare("subject", load_models(base, motion, whole), [*frozen, "--subject", str(whole)], references=1),
            compare("lora", adapted, [*frozen, "--subject", str(subject), "--subject", str(adapters)], references=1),
        ]
    sys.exit(0 if all(agree) else 1)


if __name__ == "__main__":
    main()
