import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { T5Tokenizer } from "#ts/tokens/t5_tokenizer.js";
import { testCases } from "../../support/cases.js";
import { assertClose } from "../../support/compare.js";
import { parityFolder, readCase as readParity, skipWithout } from "../../support/parity.js";
import { drawCase, fixtures, readCase, runProbe } from "../../support/probes.js";
import { readSafetensors, writeSafetensors } from "../../support/safetensors.js";
import type { Tensor, Tensors } from "../../support/tensors.js";
import { throwsTyped } from "../../support/weights.js";

testCases("models", "t5");

const drawn = (name: string) => {
  const testCase = readCase(join(fixtures, "models", `t5-${name}`));
  return { ...testCase, drawn: drawCase(testCase) };
};

/** A folder as transformers saves it, of a case's weights after `change`. */
function folderOf(t: Test, name: string, change: (weights: Tensors) => Tensors = (weights) => weights) {
  const { config, drawn: all } = drawn(name);
  const folder = join(t.testdir(), "text_encoder");
  mkdirSync(folder);
  const weights = Object.entries(all).flatMap(([key, tensor]) =>
    key.startsWith("weights.") ? [[key.slice("weights.".length), tensor] as const] : [],
  );
  writeSafetensors(join(folder, "model.safetensors"), change(Object.fromEntries(weights)));
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  return folder;
}

const inputsOf = (name: string): Tensors =>
  Object.fromEntries(Object.entries(drawn(name).drawn).filter(([key]) => !key.startsWith("weights.")));

for (const name of ["gated-gelu-mask", "umt5-few-buckets"]) {
  t.test(`block by block, from a file: ${name}`, async (t) => {
    const folder = folderOf(t, name);
    const expected = readSafetensors(join(fixtures, "models", `t5-${name}`, "expected.safetensors"));
    for (const by_block of [false, true]) {
      const actual = runProbe("models.t5_folder", { folder, by_block }, inputsOf(name));
      assertClose(t, actual.last_hidden_state, expected.last_hidden_state, 1e-5, `by_block ${by_block}`);
    }
  });
}

t.test("embeddings under either name or both, beside a decoder", async (t) => {
  const name = "gated-gelu-mask";
  const expected = readSafetensors(join(fixtures, "models", `t5-${name}`, "expected.safetensors"));
  const again = "encoder.embed_tokens.weight";
  const decoder = { shape: [1], data: new Float32Array(1) };
  const changes: Record<string, (weights: Tensors) => Tensors> = {
    other: ({ "shared.weight": shared, ...weights }) => ({ ...weights, [again]: shared as never }),
    both: (weights) => ({ ...weights, [again]: weights["shared.weight"] as never }),
    whole: (weights) => ({
      ...weights,
      "decoder.final_layer_norm.weight": decoder,
      "lm_head.weight": decoder,
    }),
  };
  for (const [what, change] of Object.entries(changes)) {
    t.test(what, async (t) => {
      const folder = folderOf(t, name, change);
      for (const by_block of [false, true]) {
        const actual = runProbe("models.t5_folder", { folder, by_block }, inputsOf(name));
        assertClose(t, actual.last_hidden_state, expected.last_hidden_state, 1e-5, what);
      }
    });
  }
});

t.test("what overflows in fp16 stays finite", async (t) => {
  const { probe, config, drawn: inputs } = drawn("relu-far");
  const large: Tensors = { ...inputs };
  for (const [key, tensor] of Object.entries(inputs)) {
    if (!key.endsWith(".wo.weight")) continue;
    large[key] = { ...tensor, data: Float32Array.from(tensor.data as Float32Array, (x) => x * 60000) };
  }
  const place = { device: "cpu", dtype: "fp16", exact: ["ids"] } as const;
  const { last_hidden_state } = runProbe(probe, config, large, place);
  t.ok([...(last_hidden_state?.data ?? [Number.NaN])].every((x) => Number.isFinite(Number(x))));
});

t.test("a config that makes no encoder is refused by its field", async (t) => {
  const { probe, config, drawn: inputs } = drawn("gated-gelu-mask");
  const refuse = (change: object, ...parts: string[]) =>
    throwsTyped(t, () => runProbe(probe, { ...config, ...change }, inputs), "ERR_WEIGHTS_FORMAT", ...parts);
  refuse({ feed_forward_proj: "gated-swish" }, "feed_forward_proj", "gated-gelu");
  refuse({ model_type: "longt5" }, "model_type", "umt5");
  refuse({ relative_attention_max_distance: 8 }, "relative_attention_max_distance");
  refuse({ relative_attention_num_buckets: 3 }, "relative_attention_num_buckets");
  refuse({ num_layers: 65 }, "num_layers");
  refuse({ d_kv: 0 }, "d_kv");
});

// tokens that the encoder sees, whether padding is masked, tokens that are kept
const pipelines = [
  { name: "latte-a", folder: "latte", length: 120, masked: true },
  { name: "cogvideox-t2v-a", folder: "cogvideox", length: 226, masked: false },
] as const;

for (const { name, folder, length, masked } of pipelines) {
  const root = parityFolder(name);
  t.test(`as in diffusers' pipeline: ${name}`, skipWithout(root), async (t) => {
    const expected = readSafetensors(join(root, "expected.safetensors"));
    const file = readParity(root) as { prompt: string; cleaned_prompt?: string; negative_prompt: string };
    const tokenizer = await T5Tokenizer.load(join(root, folder, "tokenizer"));
    const texts = {
      prompt_embeds: file.cleaned_prompt ?? file.prompt,
      negative_embeds: file.negative_prompt,
    };
    for (const [output, text] of Object.entries(texts)) {
      const { ids, mask } = tokenizer.encode(text, length);
      const inputs: Tensors = { ids: { shape: [1, length], data: Float32Array.from(ids) } };
      if (masked) inputs.mask = { shape: [1, length], data: Float32Array.from(mask) };
      const states = expected[output];
      const kept = states?.shape[1] ?? 0;
      for (const by_block of [false, true]) {
        const config = { folder: join(root, folder, "text_encoder"), by_block };
        const all = runProbe("models.t5_folder", config, inputs).last_hidden_state as Tensor;
        const size = all.shape[2] as number;
        const actual = { shape: [1, kept, size], data: all.data.slice(0, kept * size) };
        assertClose(t, actual, states, 1e-5, `${output}, by_block ${by_block}`);
      }
    }
  });
}
