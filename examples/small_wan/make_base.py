"""Makes the folder that the small Wan model's training begins with: a tokenizer of the drawn world's captions, a text encoder of
random weights, which stays as it is, a VAE that is still to learn everything, and the config of a transformer, which training draws.

    python make_base.py CLIPS.jsonl FOLDER

Needs the packages `diffusers` and `transformers`.
"""

import json
import sys
from pathlib import Path

import torch
from diffusers import AutoencoderKLWan, UniPCMultistepScheduler
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import UMT5Config, UMT5EncoderModel

SPECIAL = ["<pad>", "</s>", "<unk>"]
VOCABULARY = 512
TEXT = 64

VAE = {
    "base_dim": 16,
    "dim_mult": [1, 2, 4],
    "num_res_blocks": 1,
    "temperal_downsample": [False, True],
    "z_dim": 16,
    "latents_mean": [0.0] * 16,
    "latents_std": [1.0] * 16,
    "scale_factor_temporal": 2,
    "scale_factor_spatial": 4,
}
TRANSFORMER = {
    "num_attention_heads": 4,
    "attention_head_dim": 48,
    "text_dim": TEXT,
    "freq_dim": 64,
    "ffn_dim": 768,
    "num_layers": 6,
    "cross_attn_norm": True,
    "rope_max_seq_len": 256,
    # Films of 64x64 pixels.
    "sample_width": 16,
    "sample_height": 16,
    "sample_frames": 9,
}


def tokenizer(captions: list[str], folder: Path) -> None:
    made = Tokenizer(models.Unigram())
    made.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    letters = [chr(code) for code in range(33, 127)]
    trainer = trainers.UnigramTrainer(
        vocab_size=VOCABULARY,
        special_tokens=SPECIAL,
        unk_token="<unk>",
        show_progress=False,
        initial_alphabet=letters,
    )
    texts = sorted({form for caption in captions for form in (caption, caption.lower(), caption.rstrip("."))})
    made.train_from_iterator(texts, trainer)
    folder.mkdir(parents=True)
    made.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "T5Tokenizer", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"})
    )


def text_encoder() -> UMT5EncoderModel:
    torch.manual_seed(0)
    return UMT5EncoderModel(
        UMT5Config(
            vocab_size=VOCABULARY,
            d_model=TEXT,
            d_kv=16,
            d_ff=128,
            num_layers=2,
            num_heads=4,
            feed_forward_proj="gated-gelu",
        )
    )


def autoencoder() -> AutoencoderKLWan:
    """It starts as a net of pictures whose residual branches add nothing yet: with PyTorch's own start it learns half as
    fast. Films begin as pictures one by one, so that what was learned on pictures holds for them."""
    vae = AutoencoderKLWan(**VAE)
    for name, module in vae.named_modules():
        if not isinstance(module, torch.nn.Conv2d | torch.nn.Conv3d):
            continue
        weight = module.weight
        torch.nn.init.zeros_(module.bias)
        if name.endswith("time_conv"):
            over_time(weight)
        elif name.endswith(("conv2", "proj")):
            torch.nn.init.zeros_(weight)
        else:
            inputs = weight.shape[1] * weight.shape[-1] * weight.shape[-2]
            torch.nn.init.normal_(weight, std=inputs**-0.5)
            if weight.dim() == 5:
                torch.nn.init.zeros_(weight[:, :, :-1])
    return vae


@torch.no_grad()
def over_time(weight: torch.Tensor) -> None:
    """Of a pair of frames the mean becomes one; of one frame both of a pair."""
    outputs, inputs = weight.shape[:2]
    same = torch.eye(inputs).repeat(outputs // inputs, 1)[..., None, None]
    weight.zero_()
    if outputs == inputs:
        weight[:, :, 1:] = same[:, :, None] / 2
    else:
        weight[:, :, -1] = same


def main(clips: Path, folder: Path) -> None:
    captions = [json.loads(line)["caption"] for line in clips.read_text().splitlines()]
    tokenizer(captions, folder / "tokenizer")
    text_encoder().half().save_pretrained(folder / "text_encoder")
    (folder / "transformer").mkdir()
    config = {"_class_name": "WanTransformer3DModel"} | TRANSFORMER
    (folder / "transformer" / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    torch.manual_seed(1)
    autoencoder().save_pretrained(folder / "vae")
    UniPCMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0, num_train_timesteps=1000
    ).save_pretrained(folder / "scheduler")
    (folder / "model_index.json").write_text(json.dumps({"_class_name": "WanPipeline"}, indent=2) + "\n")


main(Path(sys.argv[1]), Path(sys.argv[2]))
