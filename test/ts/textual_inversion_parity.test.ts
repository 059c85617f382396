import { join } from "node:path";
import { Pipeline } from "cameo";
import t from "tap";
import {
  assertFrames,
  assertNumbers,
  parityFolder,
  readCase,
  requestOf,
  sample,
  skipWithout,
} from "../support/parity.js";
import { readSafetensors } from "../support/safetensors.js";

const folder = parityFolder("textual-inversion-a");

t.test("words learned by textual inversion are diffusers'", skipWithout(folder), async (t) => {
  const file = readCase(folder);
  const {
    "plain/prompt_embeds": plain,
    frames,
    ...expected
  } = readSafetensors(join(folder, "expected.safetensors"));
  const model = {
    base: join(folder, "sd15-small"),
    motion: join(folder, "motion-adapter"),
    device: "cpu",
    dtype: "fp32",
  } as const;
  const request = { ...requestOf(file, file), frames: file.frames };
  const embeddings = ["my-fox", "paint", "badpic", "learned_embeds"].map((name) => ({
    path: join(folder, name === "paint" ? `${name}.bin` : `${name}.safetensors`),
    ...{ "my-fox": { token: "<my-fox>" }, paint: { token: "<paint>" } }[name],
  }));

  await t.test("with them", async (t) => {
    await using pipe = await Pipeline.load({ ...model, embeddings });
    t.strictSame(
      pipe.describe().embeddings.map(({ token, vectors }) => [token, vectors]),
      [
        ["<my-fox>", 3],
        ["<paint>", 2],
        ["badpic", 2],
        ["<one>", 1],
      ],
    );
    const actual = await sample(t, pipe, request);
    for (const [name, tensor] of Object.entries(expected)) assertNumbers(t, actual[name], tensor, name);
    assertFrames(t, actual, frames);
  });

  await t.test("without them", async (t) => {
    await using pipe = await Pipeline.load(model);
    const actual = await sample(t, pipe, { ...request, steps: 1 });
    assertNumbers(t, actual.prompt_embeds, plain, "prompt_embeds");
  });
});
