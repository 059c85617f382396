"""Makes the tokenizer of the model that ships: CLIP's byte-pair encoding with merges of the drawn world's captions.

    python make_tokenizer.py DESCRIBED.jsonl FOLDER

Words that no caption has are spelled in letters, and what isn't a letter in bytes. Needs the package `transformers`.
"""

import json
import sys
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTokenizer

VOCABULARY = 1024
POSITIONS = 48
START, END = "<|startoftext|>", "<|endoftext|>"


def main(clips: Path, folder: Path) -> None:
    captions = [json.loads(line)["caption"] for line in clips.read_text().splitlines()]
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix="</w>", unk_token=END))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - 256 - 2, initial_alphabet=alphabet, end_of_word_suffix="</w>", show_progress=False
    )
    tokenizer.train_from_iterator(sorted(set(captions)), trainer)
    merges = [tuple(pair) for pair in json.loads(tokenizer.to_str())["model"]["merges"]]

    tokens = sorted(alphabet)
    tokens += [f"{byte}</w>" for byte in tokens] + ["".join(pair) for pair in merges]
    tokens = list(dict.fromkeys(tokens))[: VOCABULARY - 2]
    tokens += [f"<|unused-{i}|>" for i in range(VOCABULARY - 2 - len(tokens))] + [START, END]
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = {token: index for index, token in enumerate(tokens)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False, indent=0) + "\n")
    kept = [pair for pair in merges if "".join(pair) in vocabulary]
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in kept))
    names = {"bos_token": START, "eos_token": END, "unk_token": END, "pad_token": END}
    (folder / "special_tokens_map.json").write_text(json.dumps(names, indent=2) + "\n")
    config = {"tokenizer_class": "CLIPTokenizer", "model_max_length": POSITIONS} | names
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")

    lengths = [len(CLIPTokenizer.from_pretrained(folder)(caption).input_ids) for caption in set(captions)]
    print(f"{len(vocabulary)} tokens, {len(kept)} merges; captions have {min(lengths)} to {max(lengths)} tokens")


main(Path(sys.argv[1]), Path(sys.argv[2]))
