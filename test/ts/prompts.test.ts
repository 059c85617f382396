import { join } from "node:path";
import { Pipeline } from "cameo";
import { test } from "tap";
import { readCaseFile } from "../support/case_file.js";
import { assertClose } from "../support/compare.js";
import { writeModel } from "../support/model_folder.js";
import { sample } from "../support/parity.js";
import { readSafetensors, writeSafetensors } from "../support/safetensors.js";
import { scheduler } from "../support/small_model.js";
import { drawInput } from "../support/tensors.js";

interface Fixture {
  positions: number;
  word: { token: string; vectors: number; seed: number };
  cases: { name: string; prompt: string; negativePrompt: string; clipSkip: number }[];
}

const fixture = join("test", "fixtures", "prompts");
const { positions, word, cases } = readCaseFile<Fixture>(fixture);
const expected = readSafetensors(join(fixture, "expected.safetensors"));
const small = { frames: 1, width: 32, height: 32, steps: 1, seed: 1, guidanceScale: 2 };

test("weights, chunks and learned words give what transformers' text encoder gives by hand", async (t) => {
  const folder = t.testdir();
  const parts = { motion: null, subject: null, scheduler, textPositions: positions };
  const { base } = writeModel(join(folder, "model"), parts);
  const path = join(folder, "hat.safetensors");
  writeSafetensors(path, { emb_params: drawInput(word.token, { shape: [word.vectors, 12] }, word.seed) });
  const embeddings = [{ path, token: word.token }];
  await using pipe = await Pipeline.load({ base, embeddings, device: "cpu", dtype: "fp32" });
  for (const { name, ...request } of cases) {
    const actual = await sample(t, pipe, { ...small, ...request });
    for (const part of ["prompt_ids", "prompt_embeds", "negative_ids", "negative_embeds"]) {
      assertClose(t, actual[part], expected[`${name}/${part}`], 1e-5, `${name}: ${part}`);
    }
  }
});
