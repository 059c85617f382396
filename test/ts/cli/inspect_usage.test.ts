// Slow: it runs the command line on every kind of file.
import { copyFileSync, cpSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { type Test, test } from "tap";
import { cameo } from "../../support/command.js";
import { readMetadata, readSafetensors, writeSafetensors } from "../../support/safetensors.js";
import { writeSmallModel } from "../../support/small_model.js";
import { drawInput, type Tensors } from "../../support/tensors.js";
import { train, vaeRecipe, writeTrainingSet } from "../../support/training_run.js";
import { paintClip } from "../data/helpers.js";

const model = writeSmallModel("usage");
const subject = model.subject ?? "";
const motion = model.motion ?? "";
const weights = "diffusion_pytorch_model.safetensors";
const reference = await paintClip("build/fixtures/usage-reference.png", [1, 32, 32], (_, x, y) => [
  8 * x,
  8 * y,
  99,
]);

const rowOf = (stdout: string, row: string) =>
  new RegExp(`^ {2}${row} {2}(.*)$`, "m").exec(stdout)?.[1] ?? "";

/** What stands in the row "loads with", or another. */
async function usageOf(t: Test, path: string, row = "loads with"): Promise<string> {
  const { code, stdout, stderr } = await cameo(["inspect", path]);
  t.equal(code, 0, stderr);
  return rowOf(stdout, row);
}

/** The words of a line, as a shell takes them. */
function words(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, word]) => quoted ?? word ?? "");
}

/** Samples with what the line says, completed with the small model. */
async function sampleBy(line: string, output: string) {
  const given = words(line);
  const missing = Object.entries({ "--base": model.base, "--motion": motion }).filter(
    ([flag]) => !given.includes(flag),
  );
  const references = given.includes("--subject") ? ["--reference", reference] : [];
  const request = ["--prompt", "a cat", "--steps", "1", "--size", "32x32", "--frames", "1", "-o", output];
  return cameo(["sample", ...given, ...missing.flat(), ...references, ...request]);
}

async function samples(t: Test, line: string): Promise<void> {
  const { code, stderr } = await sampleBy(line, join(t.testdir(), "out.png"));
  t.equal(code, 0, `${line}: ${stderr}`);
}

const motionFile = join(motion, weights);
const attention = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q";
const adapters: Tensors = {
  [`unet.${attention}.lora_A.weight`]: drawInput("A", { shape: [2, 8] }, 5),
  [`unet.${attention}.lora_B.weight`]: drawInput("B", { shape: [8, 2] }, 5),
};

function renamed(path: string, rename: (name: string) => string): Tensors {
  return Object.fromEntries(
    Object.entries(readSafetensors(path)).map(([name, tensor]) => [rename(name), tensor]),
  );
}

/** A file of these tensors in a folder of the test's. */
function file(name: string, tensors: Tensors, metadata?: Record<string, string>): string {
  const path = join("build/fixtures/usage-files", name);
  mkdirSync(join(path, ".."), { recursive: true });
  writeSafetensors(path, tensors, metadata);
  return path;
}

/** What training writes into a subject's file. */
const trained = { reference_cross_attention: "true" };

const loaded: [string, string, RegExp][] = [
  ["a base folder", model.base, /^--base \S+base$/],
  ["a base folder with a slash", `${model.base}/`, /^--base \S+base\/$/],
  ["a network's folder", join(model.base, "unet"), /^--base \S+base$/],
  ["a UNet's file", join(model.base, "unet", weights), /^--base \S+base$/],
  ["a VAE's file", join(model.base, "vae", weights), /^--base \S+base$/],
  ["a text encoder's file", join(model.base, "text_encoder", "model.safetensors"), /^--base \S+base$/],
  ["a motion folder", motion, /^--motion \S+motion$/],
  ["a motion file", motionFile, /^--motion \S+motion$/],
  ["a subject", subject, /^--subject \S+subject\.safetensors$/],
  [
    "a wrapped subject",
    file(
      "module.safetensors",
      renamed(subject, (name) => `module._orig_mod.${name}`),
    ),
    /^--subject /,
  ],
  [
    "a compiled subject",
    file(
      "compiled.bin",
      renamed(subject, (name) => `_orig_mod.${name}`),
    ),
    /^--subject /,
  ],
  ["adapters", file("lora.safetensors", adapters), /^--lora /],
  ["adapters that were trained here", file("trained.safetensors", adapters, trained), /^--subject /],
  [
    "wrapped adapters",
    file(
      "l2.safetensors",
      Object.fromEntries(Object.entries(adapters).map(([name, tensor]) => [`module.${name}`, tensor])),
    ),
    /^--lora /,
  ],
  [
    "a part of the self-attention",
    file("part.safetensors", { [`${attention}.weight`]: drawInput("q", { shape: [8, 8] }, 1) }),
    /^--subject /,
  ],
  [
    "other layers of the UNet",
    file("others.safetensors", { "conv_in.bias": drawInput("b", { shape: [8] }, 1) }),
    /^--subject /,
  ],
  ["a word", file("hat.safetensors", { "<hat>": drawInput("hat", { shape: [12] }, 1) }), /^--embedding /],
  [
    "a word of A1111's",
    file("a=b:1.pt", { emb_params: drawInput("hat", { shape: [3, 12] }, 1) }),
    /^--embedding \S+a=b:1\.pt$/,
  ],
  [
    "a name with spaces",
    file("my subject.safetensors", readSafetensors(subject)),
    /^--subject '.*my subject\.safetensors'$/,
  ],
];
/** What each leads to. Two at a time: most of it is a process that begins. */
function outcomes() {
  const outputs = "build/fixtures/usage-outputs";
  mkdirSync(outputs, { recursive: true });
  const one = async (path: string, i: number) => {
    const inspected = await cameo(["inspect", path]);
    const line = rowOf(inspected.stdout, "loads with");
    return { inspected, line, sampled: await sampleBy(line, join(outputs, `${i}.png`)) };
  };
  const started: Promise<Awaited<ReturnType<typeof one>>>[] = [];
  for (const [i, [, path]] of loaded.entries()) {
    const free = Promise.allSettled([started[i - 2]]);
    started.push(free.then(() => one(path, i)));
  }
  return started;
}

const found = outcomes();
for (const [i, [what, , expected]] of loaded.entries()) {
  test(`the printed line loads ${what}`, async (t) => {
    const { inspected, line, sampled } = (await found[i]) as Awaited<(typeof found)[number]>;
    t.equal(inspected.code, 0, inspected.stderr);
    t.match(line, expected);
    t.equal(sampled.code, 0, `${line}: ${sampled.stderr}`);
  });
}

test("says why no option takes a file", async (t) => {
  const folder = t.testdir({ unet: {} });
  copyFileSync(join(model.base, "unet", weights), join(folder, "unet.safetensors"));
  cpSync(model.base, join(folder, "broken"), { recursive: true });
  rmSync(join(folder, "broken", "tokenizer"), { recursive: true });
  cpSync(model.base, join(folder, "variant"), { recursive: true });
  const variant = join(folder, "variant", "unet");
  copyFileSync(join(variant, weights), join(variant, "diffusion_pytorch_model.fp16.safetensors"));
  cpSync(model.base, join(folder, "mismatch"), { recursive: true });
  copyFileSync(motionFile, join(folder, "mismatch", "vae", weights));
  const cases: [string, RegExp][] = [
    [join(folder, "unet.safetensors"), /belongs into a folder, beside its config\.json/],
    [join(folder, "broken"), /tokenizer: it holds neither vocab\.json/],
    [
      join(variant, "diffusion_pytorch_model.fp16.safetensors"),
      /its folder has .*model\.safetensors, which is taken/,
    ],
    [join(folder, "mismatch"), /do not fit the vae/],
    [
      file(
        "net.safetensors",
        renamed(subject, (name) => `net.${name}`),
      ),
      /no network here has a layer "net\./,
    ],
    [
      file("text.safetensors", {
        "text_encoder.a.lora_A.weight": drawInput("A", { shape: [2, 8] }, 5),
        "text_encoder.a.lora_B.weight": drawInput("A", { shape: [8, 2] }, 5),
      }),
      /there is no layer "text_encoder\.a"/,
    ],
  ];
  for (const [path, reason] of cases) t.match(await usageOf(t, path), reason, path);
  const path = file("dora.safetensors", adapters);
  writeSafetensors(path, adapters, { lora_adapter_metadata: '{"unet.use_dora": true}' });
  t.match(await usageOf(t, path), /no option of this program: .*use_dora/);
});

test("the printed lines load what a run has written", async (t) => {
  const recipe = await writeTrainingSet("usage-run");
  const { output } = recipe;
  const stopped = await train({ ...recipe, steps: 2 });
  t.equal(stopped.error, undefined);
  const trained = join(output, "model", "subject.safetensors");
  for (const path of [output, join(output, "model"), trained]) {
    const line = await usageOf(t, path);
    t.equal(line, `--subject ${trained}`);
    await samples(t, line);
  }
  const { stdout } = await cameo(["inspect", output]);
  t.match(stdout, `${output}: a training run (subject), 2 of 2 steps in its newest checkpoint`);
  const resume = `cameo train ${join(output, "recipe.json")} --resume`;
  t.match(stdout, `  goes on by  ${resume}`);
  t.match(stdout, /^model: .*subject/m);
  t.match(stdout, /^checkpoint: a checkpoint of a training run$/m);
  const checkpoint = join(output, "checkpoints", "step-00000002.safetensors");
  t.equal(await usageOf(t, checkpoint, "goes on by"), resume);
  t.notMatch(stdout, /^.{300}/m, "the checkpoint's metadata are not printed whole");
  const [, ...args] = words(resume);
  const { code, stderr } = await cameo([...args, "--quiet"]);
  t.equal(code, 0, stderr);
});

test("a run that was stopped before its first checkpoint goes on by the printed line", async (t) => {
  const recipe = { ...(await writeTrainingSet("usage-stopped")), steps: 1 };
  const stopped = await train(recipe);
  t.equal(stopped.error, undefined);
  for (const name of ["checkpoints", "model"])
    rmSync(join(recipe.output, name), { recursive: true, force: true });
  const { stdout } = await cameo(["inspect", recipe.output]);
  t.match(stdout, `${recipe.output}: a training run (subject), without a checkpoint yet\n  goes on by`);
  const [, ...args] = words(await usageOf(t, recipe.output, "goes on by"));
  const { code, stderr } = await cameo(args);
  t.equal(code, 0, stderr);
  t.match(stderr, /no checkpoint in .* yet: starting at step 1/);
});

test("the printed lines load runs of other kinds", async (t) => {
  const recipe = await writeTrainingSet("usage-kinds");
  const { model: paths, data, output, ...set } = { ...recipe, steps: 1 };
  const stills = { source: data.source, size: data.size };
  const runs = [
    { ...set, model: paths, data, kind: "subject", lora: { rank: 2 }, output: `${output}-lora` },
    {
      ...set,
      model: { base: paths.base, motion: paths.motion },
      data,
      kind: "motion",
      output: `${output}-motion`,
    },
    { ...set, model: { base: paths.base }, data: stills, kind: "image", output: `${output}-image` },
    { ...vaeRecipe({ ...recipe, steps: 1 }), output: `${output}-vae` },
  ] as const;
  const lines = [
    "--subject .*/subject.safetensors",
    "--motion .*/model/motion",
    "--base .*/base",
    "--base .*/base",
  ];
  for (const [i, run] of runs.entries()) {
    t.equal((await train(run as typeof recipe)).error, undefined);
    const line = await usageOf(t, run.output);
    t.match(line, new RegExp(`^${lines[i]}$`));
    await samples(t, line);
  }
});

test("says what a trained file was trained on, without the paths of this machine", async (t) => {
  const recipe = await writeTrainingSet("usage-origins");
  t.equal((await train({ ...recipe, steps: 1 })).error, undefined);
  const trained = join(recipe.output, "model", "subject.safetensors");
  const { trained_on } = readMetadata(trained);
  t.notMatch(trained_on, resolve("."));
  const print = /[0-9a-f]{16}/;
  t.match(JSON.parse(trained_on ?? ""), {
    base: { name: "usage-origins/base", fingerprint: print },
    motion: { name: "usage-origins/motion", fingerprint: print },
    subject: { name: "usage-origins/subject.safetensors", fingerprint: print },
  });
  const { stdout } = await cameo(["inspect", trained]);
  t.match(stdout, /^ {2}trained on {2}base usage-origins\/base \([0-9a-f]{16}\), motion .*, subject /m);
  t.notMatch(stdout, "trained_on");
});

test("a folder that is no run stays what it is", async (t) => {
  const folder = join(t.testdir(), basename(model.base));
  cpSync(model.base, folder, { recursive: true });
  writeFileSync(join(folder, "recipe.json"), "{}");
  t.equal(await usageOf(t, folder), `--base ${folder}`);
  renameSync(join(folder, "model_index.json"), join(folder, "other.json"));
  t.equal(await usageOf(t, folder), `--base ${folder}`, "loading needs no index, either");
});
