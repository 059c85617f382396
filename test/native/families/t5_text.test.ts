import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { assertClose } from "../../support/compare.js";
import { drawCase, fixtures, readCase, runProbe } from "../../support/probes.js";
import { writeSafetensors } from "../../support/safetensors.js";
import type { Tensor, Tensors } from "../../support/tensors.js";
import { throwsTyped } from "../../support/weights.js";

/** A folder as transformers saves it, of a case's weights; in two shards where `shards` says so. */
function folderOf(t: Test, name: string, shards = false): string {
  const testCase = readCase(join(fixtures, "models", `t5-${name}`));
  const folder = join(t.testdir(), "text_encoder");
  mkdirSync(folder);
  const weights = Object.entries(drawCase(testCase)).flatMap(([key, tensor]) =>
    key.startsWith("weights.") ? [[key.slice("weights.".length), tensor] as const] : [],
  );
  writeFileSync(join(folder, "config.json"), JSON.stringify(testCase.config));
  if (!shards) {
    writeSafetensors(join(folder, "model.safetensors"), Object.fromEntries(weights));
    return folder;
  }
  const map: Record<string, string> = {};
  for (const shard of [0, 1]) {
    const file = `model-0000${shard + 1}-of-00002.safetensors`;
    const own = weights.filter((_, i) => i % 2 === shard);
    writeSafetensors(join(folder, file), Object.fromEntries(own));
    for (const [key] of own) map[key] = file;
  }
  writeFileSync(join(folder, "model.safetensors.index.json"), JSON.stringify({ weight_map: map }));
  return folder;
}

const row = (ids: number[]): Tensor => ({ shape: [ids.length], data: Float32Array.from(ids) });
const prompts: Tensors = { prompt: row([3, 5, 7, 1, 0, 0]), negative: row([4, 1, 0, 0, 0, 0]) };
const counts = { prompt: 4, negative: 2 };
const masks = { prompt: [1, 1, 1, 1, 0, 0], negative: [1, 1, 0, 0, 0, 0] };

for (const name of ["gated-gelu-mask", "umt5-few-buckets"]) {
  t.test(`prompts by a family's way with padding, in memory and block by block: ${name}`, async (t) => {
    const folder = folderOf(t, name);
    /** What the encoder alone says of one prompt. */
    const alone = (prompt: "prompt" | "negative", masked: boolean): Tensor => {
      const inputs: Tensors = { ids: { ...(prompts[prompt] as Tensor), shape: [1, 6] } };
      if (masked) inputs.mask = { shape: [1, 6], data: Float32Array.from(masks[prompt]) };
      return runProbe("models.t5_folder", { folder }, inputs).last_hidden_state as Tensor;
    };
    for (const padding of ["seen", "zeroed", "dropped"] as const) {
      const both = (["negative", "prompt"] as const).map((prompt) => ({
        states: alone(prompt, padding !== "seen"),
        count: counts[prompt],
      }));
      const size = both[0]?.states.shape[2] as number;
      const kept = padding === "dropped" ? counts.prompt : 6;
      const data = both.flatMap(({ states, count }) =>
        [...states.data.slice(0, kept * size)].map((x, i) =>
          padding === "zeroed" && i >= count * size ? 0 : Number(x),
        ),
      );
      const expected = { shape: [2, kept, size], data: Float32Array.from(data) };
      for (const shards of [false, true]) {
        for (const by_block of [false, true]) {
          const from = shards ? folderOf(t, name, true) : folder;
          const config = { folder: from, by_block, padding, ...counts };
          const actual = runProbe("families.t5_text", config, prompts);
          const what = `${padding}, by_block ${by_block}, shards ${shards}`;
          assertClose(t, actual.states, expected, 1e-5, what);
          if (by_block) t.equal(Number(actual.kept?.data[0]), size, `${what}: the last norm alone is kept`);
        }
      }
    }
  });
}

t.test("16 bits, in memory and block by block, are the same", async (t) => {
  const folder = folderOf(t, "gated-gelu-mask");
  for (const dtype of ["bf16", "fp16"]) {
    const [whole, blocks] = [false, true].map((by_block) =>
      runProbe("families.t5_text", { folder, by_block, dtype, padding: "seen", ...counts }, prompts),
    );
    assertClose(t, blocks?.states, whole?.states as Tensor, 0, dtype);
  }
});

t.test("what is no prompt of this encoder is refused", async (t) => {
  const folder = folderOf(t, "gated-gelu-mask");
  const refuse = (change: object, inputs: Tensors, ...parts: string[]) => {
    const config = { folder, by_block: true, padding: "seen", ...counts, ...change };
    throwsTyped(
      t,
      () => runProbe("families.t5_text", config, { ...prompts, ...inputs }),
      "ERR_INVALID_OPTION",
      ...parts,
    );
  };
  refuse({ prompt: 7 }, {}, "prompt: 7 of its 6 tokens");
  refuse({ negative: 0 }, {}, "negativePrompt: 0 of its 6 tokens");
  refuse({}, { negative: row([1, 1]) }, "negativePrompt: 2 token ids", "takes 6");
  refuse({}, { prompt: row([1e6, 1, 0, 0, 0, 0]) }, "prompt: token 1000000 is not one of the");
});
