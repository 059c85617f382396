import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "tap";
import { isShardIndex, type Needed, neededFiles, shardsOf, type Unclear } from "#ts/hub/needed_files.js";
import { runWeights } from "../../support/weights.js";

const pipeline = [
  ...["README.md", "model_index.json", "feature_extractor/preprocessor_config.json", "v1-5.safetensors"],
  ...["safety_checker/config.json", "safety_checker/model.safetensors"],
  ...["scheduler/scheduler_config.json", "tokenizer/merges.txt", "tokenizer/vocab.json"],
  ...["tokenizer/special_tokens_map.json", "tokenizer/tokenizer_config.json"],
  ...["text_encoder/config.json", "text_encoder/model.safetensors", "text_encoder/pytorch_model.bin"],
  ...["unet/config.json", "unet/diffusion_pytorch_model.bin", "unet/diffusion_pytorch_model.safetensors"],
  ...["unet/diffusion_pytorch_model.fp16.safetensors", "unet/diffusion_pytorch_model.non_ema.bin"],
  ...["vae/config.json", "vae/diffusion_pytorch_model.fp16.bin"],
];

function found(files: readonly string[], path = ""): Needed {
  const needed = neededFiles(files, path);
  if ("problem" in needed) throw new Error(needed.problem);
  return { ...needed, files: needed.files.sort() };
}

function unclear(files: readonly string[], path = ""): Unclear {
  return neededFiles(files, path) as Unclear;
}

test("of a Wan model as its authors publish it, all its parts", (t) => {
  const files = [
    ...[
      "config.json",
      "diffusion_pytorch_model.safetensors",
      "Wan2.1_VAE.pth",
      "README.md",
      "assets/logo.png",
    ],
    ...["models_t5_umt5-xxl-enc-bf16.pth", "google/umt5-xxl/tokenizer.json", "google/umt5-xxl/spiece.model"],
  ];
  t.strictSame(found(files), {
    root: "",
    kind: "pipeline",
    files: files.filter((file) => !/README|assets/.test(file)).sort(),
  });
  const without = files.filter((file) => !file.startsWith("models_t5"));
  t.match(unclear(without).problem, /there is no models_t5_umt5-xxl-enc-bf16.pth in it/);
  t.end();
});

test("of a pipeline it is what loading reads, and one weight file a network", (t) => {
  t.strictSame(found(pipeline), {
    root: "",
    kind: "pipeline",
    files: [
      "model_index.json",
      "scheduler/scheduler_config.json",
      "text_encoder/config.json",
      "text_encoder/model.safetensors",
      "tokenizer/merges.txt",
      "tokenizer/special_tokens_map.json",
      "tokenizer/tokenizer_config.json",
      "tokenizer/vocab.json",
      "unet/config.json",
      "unet/diffusion_pytorch_model.safetensors",
      "vae/config.json",
      "vae/diffusion_pytorch_model.fp16.bin",
    ],
  });
  const inFolder = pipeline.map((file) => `sd/${file}`);
  t.strictSame(
    found(inFolder, "sd").files,
    found(pipeline).files.map((file) => `sd/${file}`),
  );
  t.equal(found(inFolder, "sd").root, "sd");
  t.end();
});

test("of a model that reads a picture and no text, the image encoder in the text encoder's place", (t) => {
  const of = (text: string, image: string) =>
    pipeline
      .filter((file) => !file.startsWith("tokenizer/") && !file.includes("pytorch_model.bin"))
      .map((file) => file.replace(text, image));
  const files = of("text_encoder/", "image_encoder/");
  t.match(found(files).files, [
    ...["image_encoder/config.json", "image_encoder/model.safetensors", "model_index.json"],
    ...["scheduler/scheduler_config.json", "unet/config.json"],
  ]);
  t.match(unclear(of("", "")), { problem: "there is no tokenizer in it" });
  t.match(unclear(files.filter((file) => !file.startsWith("image_encoder/"))), {
    problem: "there is no text_encoder/config.json in it",
  });
  t.end();
});

test("of a pipeline with a transformer, that, and T5's tokenizer", (t) => {
  const files = [
    ...["model_index.json", "scheduler/scheduler_config.json", "tokenizer/spiece.model"],
    ...["text_encoder/config.json", "text_encoder/model.safetensors.index.json"],
    ...["transformer/config.json", "transformer/diffusion_pytorch_model.safetensors.index.json"],
    ...["vae/config.json", "vae/diffusion_pytorch_model.safetensors"],
  ];
  t.strictSame([...found([...files, "README.md"]).files].sort(), [...files].sort());
  t.end();
});

test("of a model that reads both, both encoders", (t) => {
  const encoder = ["image_encoder/config.json", "image_encoder/model.safetensors"];
  const { files } = found([...pipeline, ...encoder]);
  for (const file of [...encoder, "text_encoder/config.json"]) t.ok(files.includes(file), file);
  t.match(unclear([...pipeline, "image_encoder/config.json"]), {
    problem: "there are no weights beside its image_encoder/config.json that loading finds",
  });
  t.end();
});

test("of a part of it, that part", (t) => {
  t.strictSame(found(pipeline, "vae").files, ["vae/config.json", "vae/diffusion_pytorch_model.fp16.bin"]);
  t.match(found(pipeline, "tokenizer"), { root: "tokenizer", kind: "tokenizer" });
  t.strictSame(found(pipeline, "v1-5.safetensors"), {
    root: "v1-5.safetensors",
    kind: "file",
    files: ["v1-5.safetensors"],
  });
  t.end();
});

test("a file comes with the config beside it, which may say more of its weights", (t) => {
  const vae = ["config.json", "diffusion_pytorch_model.bin", "diffusion_pytorch_model.fp16.bin", "README.md"];
  t.strictSame(found(vae, "diffusion_pytorch_model.fp16.bin").files, [
    "config.json",
    "diffusion_pytorch_model.fp16.bin",
  ]);
  t.strictSame(found(["adapter_config.json", "adapter_model.bin", "adapter_model.safetensors"]), {
    root: "adapter_model.safetensors",
    kind: "file",
    files: ["adapter_config.json", "adapter_model.safetensors"],
  });
  t.strictSame(found(vae, "README.md").files, ["README.md"]);
  t.strictSame(found(pipeline, "unet/config.json").files, ["unet/config.json"]);
  t.end();
});

test("a pipeline that can't be loaded is not fetched", (t) => {
  const without = (name: string) => pipeline.filter((file) => !file.startsWith(name));
  t.match(unclear(without("vae/config")).problem, "no vae/config.json");
  t.match(unclear(without("tokenizer/merges")).problem, "no tokenizer");
  t.match(unclear(without("scheduler")).problem, "no scheduler/scheduler_config.json");
  t.match(unclear([...pipeline, "text_encoder_2/config.json"]).problem, "a text_encoder_2");
  t.match(
    unclear(["model_index.json", "transformer/config.json"]).problem,
    "no weights beside its transformer",
  );
  t.end();
});

test("without a config it is the only weight file", (t) => {
  t.equal(found(["README.md", "a.bin", "training_args.bin", "optimizer.pt"]).root, "a.bin");
  t.equal(found(["a.bin", "a.safetensors"]).root, "a.safetensors");
  t.equal(found(["x/y/a.ckpt", "sample.png"]).root, "x/y/a.ckpt");
  t.equal(found(["a.pt", "x/b.pt", "x/c.pt"]).root, "a.pt");
  t.equal(found(["README.md", "sd15-Q8_0.gguf"]).root, "sd15-Q8_0.gguf");
  const several = unclear(["human_pytorch_model.bin", "object_pytorch_model.bin", "x/c.bin"]);
  t.match(several.problem, "several weight files");
  t.strictSame(several.choices, ["human_pytorch_model.bin", "object_pytorch_model.bin"]);
  t.match(unclear(["README.md"]), { problem: /no weights/, choices: [] });
  t.match(unclear(["a.bin"], "b.bin"), { problem: /no b\.bin/, choices: ["a.bin"] });
  t.end();
});

test("the weights beside a config are those that loading picks", (t) => {
  // A small generator, so that the same sets are drawn every time.
  let state = 1;
  const draw = (count: number) => {
    state = (state * 48271) % 2147483647;
    return state % count;
  };
  const stems = ["diffusion_pytorch_model", "model", "pytorch_model", "other"];
  const variants = ["", ".fp16", ".non_ema", ".a.b"];
  const ends = ["safetensors", "bin"].flatMap((extension) =>
    variants.flatMap((variant) => [
      `${variant}.${extension}`,
      `.${extension}.index${variant}.json`,
      `${variant}.${extension}.index.json`,
    ]),
  );
  const folder = t.testdir({});
  let picked = 0;
  for (let i = 0; i < 300; i++) {
    const names = Array.from(
      { length: 1 + draw(3) },
      () => `${stems[draw(stems.length)]}${ends[draw(ends.length)]}`,
    );
    const at = join(folder, String(i));
    mkdirSync(at);
    writeFileSync(join(at, "config.json"), "{}");
    for (const name of names) writeFileSync(join(at, name), "");
    const ours = neededFiles(["config.json", ...names], "");
    const weights = "problem" in ours ? undefined : join(at, ours.files.at(-1) as string);
    t.equal(weights, nativePick(at), names.join(", "));
    if (weights !== undefined) picked++;
  }
  t.ok(picked > 100 && picked < 300);
  t.end();
});

function nativePick(folder: string): string | undefined {
  try {
    return runWeights<{ weights: string }>("component", { folder, variant: "" }).details.weights;
  } catch {
    return undefined;
  }
}

test("an index names its shards, which lie beside it", (t) => {
  const index = "unet/diffusion_pytorch_model.safetensors.index.json";
  t.ok(isShardIndex(index));
  t.ok(isShardIndex("model.bin.index.fp16.json"));
  t.notOk(isShardIndex("model_index.json"));
  const text = JSON.stringify({
    weight_map: { a: "m-1.safetensors", b: "m-2.safetensors", c: "m-1.safetensors" },
  });
  t.strictSame(shardsOf(index, text), ["unet/m-1.safetensors", "unet/m-2.safetensors"]);
  for (const shard of ["../x.bin", "/etc/x", "a/b.bin", "..", "", 5, "a\\b"]) {
    t.throws(() => shardsOf(index, JSON.stringify({ weight_map: { a: shard } })), /plain file name/);
  }
  for (const wrong of ["{}", '{"weight_map": {}}', "[", "null"]) t.throws(() => shardsOf(index, wrong));
  t.end();
});

test("of a Wan model that sees a picture, its image encoder, too", (t) => {
  const files = [
    ...["README.md", "config.json", "diffusion_pytorch_model.safetensors.index.json", "Wan2.1_VAE.pth"],
    ...["diffusion_pytorch_model-00001-of-00002.safetensors", "models_t5_umt5-xxl-enc-bf16.pth"],
    ...["models_clip_open-clip-xlm-roberta-large-vit-huge-14.pth", "assets/logo.png"],
    ...["google/umt5-xxl/spiece.model", "google/umt5-xxl/tokenizer.json", "xlm-roberta-large/tokenizer.json"],
  ];
  const needed = [
    ...["Wan2.1_VAE.pth", "config.json", "diffusion_pytorch_model.safetensors.index.json"],
    ...["google/umt5-xxl/spiece.model", "google/umt5-xxl/tokenizer.json"],
    ...["models_clip_open-clip-xlm-roberta-large-vit-huge-14.pth", "models_t5_umt5-xxl-enc-bf16.pth"],
  ];
  t.strictSame(found(files), { root: "", kind: "pipeline", files: needed });
  t.end();
});
