import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type LoadOptions, Pipeline } from "cameo";
import { type Test, test } from "tap";
import { inspectPath } from "#ts/inspect_path.js";
import { sample } from "../support/parity.js";
import { writeSafetensors } from "../support/safetensors.js";
import { writeSmallModel } from "../support/small_model.js";
import type { Tensor } from "../support/tensors.js";

const { base } = writeSmallModel("embeddings");
const width = 12;
const saved = join("test", "fixtures", "prompts");
const load = (embeddings: LoadOptions["embeddings"], more: LoadOptions = { base }) =>
  Pipeline.load({ ...more, embeddings, device: "cpu", dtype: "fp32" });

/** What `named.pt` and the others have in them. */
const vectors: Tensor<Float32Array> = {
  shape: [2, width],
  data: Float32Array.from({ length: 2 * width }, (_, i) => i / 16),
};
const zeros = (...shape: number[]): Tensor<Float32Array> => ({
  shape,
  data: new Float32Array(shape.reduce((product, size) => product * size, 1)),
});

function write(t: Test, tensors: Record<string, Tensor<Float32Array>>, name = "hat.safetensors"): string {
  const path = join(t.testdir(), name);
  writeSafetensors(path, tensors);
  return path;
}

test("every format gives the same vectors, and its own token", async (t) => {
  const folder = t.testdir();
  writeSafetensors(join(folder, "my hat.safetensors"), { emb_params: vectors });
  writeSafetensors(join(folder, "learned_embeds.safetensors"), { "<hat>": vectors });
  cpSync(join(saved, "nameless.pt"), join(folder, "style-1.5.pt"));
  const files: [path: string, token: string][] = [
    [join(folder, "my hat.safetensors"), "my hat"],
    [join(folder, "learned_embeds.safetensors"), "<hat>"],
    [join(saved, "named.pt"), "a fox"],
    [join(saved, "legacy.pt"), "a fox"],
    [join(folder, "style-1.5.pt"), "style-1.5"],
    [join(saved, "parameters.pt"), "parameters"],
  ];
  let first: Tensor | undefined;
  for (const [i, [path, token]] of files.entries()) {
    await t.test(`${i}`, async (t) => {
      await using pipe = await load(path);
      t.strictSame(pipe.describe().embeddings, [{ token, vectors: 2, file: path }]);
      const small = { frames: 1, width: 32, height: 32, steps: 1, seed: 1 };
      const { prompt_embeds } = await sample(t, pipe, { ...small, prompt: `the ${token}` });
      first ??= prompt_embeds;
      t.strictSame(prompt_embeds, first);
      const { kind, option, argument, description, embedding } = await inspectPath(path);
      t.strictSame(embedding, { token, vectors: 2, width });
      t.strictSame([kind, option, argument], ["embedding", "--embedding", path]);
      t.equal(description, `a word learned by textual inversion: "${token}", 2 vectors of 12 numbers`);
    });
  }
});

test("of a folder it is the file that diffusers writes", async (t) => {
  const folder = t.testdir({ empty: {} });
  const file = `${folder}/learned_embeds.bin`;
  cpSync(join(saved, "named.pt"), file);
  await using pipe = await load(folder);
  t.strictSame(pipe.describe().embeddings, [{ token: "a fox", vectors: 2, file }]);
  await t.rejects(load(join(folder, "empty")), {
    code: "ERR_WEIGHTS_FORMAT",
    message: /empty: there is no learned_embeds\.safetensors or learned_embeds\.bin in it; name the file$/,
  });
});

test("a token that is given stands in place of the file's", async (t) => {
  await using pipe = await load([
    { path: join(saved, "named.pt"), token: "<fox>" },
    join(saved, "legacy.pt"),
  ]);
  t.strictSame(
    pipe.describe().embeddings.map(({ token }) => token),
    ["<fox>", "a fox"],
  );
  await t.rejects(load([join(saved, "named.pt"), join(saved, "legacy.pt")]), {
    code: "ERR_INVALID_OPTION",
    message:
      /^embeddings: the token "a fox" of .*legacy\.pt is there already, .*: give that file another `token`$/,
  });
});

test("words fit the model that ships", async (t) => {
  const { hidden_size } = JSON.parse(
    readFileSync("weights/troupe/base/text_encoder/config.json", "utf8"),
  ) as { hidden_size: number };
  await using pipe = await load(write(t, { "<hat>": zeros(hidden_size) }), {});
  t.match(pipe.describe().embeddings, [{ token: "<hat>", vectors: 1 }]);
});

test("a file that is no word for this model gets one line that says why", async (t) => {
  const refused: [Record<string, Tensor<Float32Array>>, RegExp][] = [
    [
      { emb_params: zeros(2, 1024) },
      /its vectors have 1024 numbers, as Stable Diffusion 2's have, and this text encoder's have 12; take one/,
    ],
    [{ "<a>": zeros(768) }, /its vectors have 768 numbers, as Stable Diffusion 1's have/],
    [
      { clip_l: zeros(1, 768), clip_g: zeros(1, 1280) },
      /but a word that SDXL has learned by textual inversion; take/,
    ],
    [{ clip_g: zeros(1, 1280) }, /but a word that SDXL has learned/],
    [
      { "<a>": zeros(12), "<b>": zeros(12) },
      /a word learned by textual inversion was expected; this is of no kind known here/,
    ],
    [{ "<a>": zeros(1, 2, 12) }, /a word learned by textual inversion was expected/],
    [{ "<a>": zeros(0, 12) }, /a word learned by textual inversion was expected/],
    [{ "conv_in.weight": zeros(2, 12) }, /a word learned by textual inversion was expected/],
    [{ "<a>": zeros(76, 12) }, /it has 76 vectors, and this text encoder reads 75 at a time/],
  ];
  for (const [tensors, message] of refused) {
    const path = write(t, tensors);
    await t.rejects(load(path), { code: "ERR_WEIGHTS_MISMATCH", message });
    if (/SDXL/.test(message.source)) t.equal((await inspectPath(path)).option, null);
  }
  const infinite = { shape: [1, 12], data: new Float32Array(12).fill(Number.POSITIVE_INFINITY) };
  await t.rejects(load(write(t, { "<a>": infinite })), {
    code: "ERR_WEIGHTS_FORMAT",
    message: /hat\.safetensors: it has numbers that are not finite/,
  });
});

test("what can't be read is refused before a model is loaded", async (t) => {
  const path = join(t.testdir(), "none.pt");
  await t.rejects(load(path), {
    code: "ERR_WEIGHTS_FORMAT",
    message: /^embeddings: the file or folder ".*none\.pt" isn't there; check the path/,
  });
  await t.rejects(load(join("test", "fixtures", "weights", "unsafe.bin")), { code: "ERR_WEIGHTS_UNSAFE" });
});
