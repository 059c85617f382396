import { join } from "node:path";
import { Pipeline, type SampleRequest } from "cameo";
import { type Test, test } from "tap";
import { assertClose } from "../support/compare.js";
import { writeModel } from "../support/model_folder.js";
import { readSafetensors } from "../support/safetensors.js";
import type { Tensor, Tensors } from "../support/tensors.js";

const scheduler = { _class_name: "DDIMScheduler" };
const paths = writeModel("build/fixtures/words", { motion: "motion", subject: "subject", scheduler });
const [width, height, frames] = [80, 32, 3];
const picture = (seed: number) => ({
  data: new Uint8Array(3 * width * height).map((_, i) => (i * seed) % 251),
  width,
  height,
});
const [a, b] = [picture(7), picture(13)];
const left = { x: 0, y: 0, width: 0.5, height: 1 };
const right = { ...left, x: 0.5 };
const prompt = "a cat";
const request: SampleRequest = {
  ...{ prompt, width, height, frames, steps: 1, seed: 7, guidanceScale: 3, negativePrompt: "" },
};

/** What is recorded of a request with these subjects. */
async function sampler(t: Test) {
  const pipe = await Pipeline.load({ ...paths, device: "cpu", dtype: "fp32" });
  t.teardown(() => pipe.close());
  const folder = t.testdir();
  let count = 0;
  return async (subjects: SampleRequest["subjects"], own: Partial<SampleRequest> = {}) => {
    const saveLatents = join(folder, `${count++}.safetensors`);
    const { warnings } = await pipe.sample({ ...request, subjects, ...own, saveLatents });
    return { tensors: readSafetensors(saveLatents), warnings };
  };
}

/** The network's output for the branch that has the negative prompt, and for the other. */
function branches({ tensors }: { tensors: Tensors }): number[][] {
  const { data } = tensors.unet_out_0 as Tensor;
  const half = data.length / 2;
  return [[...data.slice(0, half)], [...data.slice(half)]];
}

/** How far two outputs are apart on the left and on the right, in the mean; later layers see both sides. */
function apart(one: readonly number[] = [], other: readonly number[] = []): { left: number; right: number } {
  const columns = width / 8;
  const sums = { left: 0, right: 0 };
  for (const [i, value] of one.entries()) {
    const side = i % columns < columns / 2 ? "left" : "right";
    sums[side] += Math.abs(value - (other[i] as number)) / one.length;
  }
  return sums;
}

test("a region reads its subject's words, and the rest the prompt", async (t) => {
  const recorded = await sampler(t);
  const plain = branches(await recorded([{ reference: a, region: left }]));
  const worded = branches(await recorded([{ reference: a, region: left, words: "the red robot" }]));
  t.strictSame(worded[0], plain[0], "the negative prompt is read everywhere");
  const onLeft = apart(worded[1], plain[1]);
  t.ok(onLeft.left > onLeft.right, `on the left: ${onLeft.left} and ${onLeft.right}`);
  const other = branches(await recorded([{ reference: a, region: right }]));
  const moved = branches(await recorded([{ reference: a, region: right, words: "the red robot" }]));
  const onRight = apart(moved[1], other[1]);
  t.ok(onRight.right > onRight.left, `on the right: ${onRight.left} and ${onRight.right}`);
});

test("words that are the prompt are what the request is without them", async (t) => {
  const recorded = await sampler(t);
  const both = (words?: string) => [
    { reference: a, region: { ...left, width: 0.7 }, words },
    { reference: b, region: { 0: right, 2: left }, words },
  ];
  const cases: [string, Partial<SampleRequest>][] = [
    ["a prompt", {}],
    ["a prompt with emphasis", { prompt: "a (cat:1.4)" }],
    ["the longer negative prompt", { negativePrompt: "a BREAK the" }],
    ["clipSkip", { clipSkip: 1 }],
    ["windows", { context: { length: 2, overlap: 1 } }],
    ["no guidance", { guidanceScale: 1 }],
    ["guidance over time", { temporalGuidance: 1.5 }],
    ["prompts over time that are the same", { prompt: { 0: prompt, 2: prompt } }],
  ];
  for (const [name, own] of cases) {
    const plain = await recorded(both(), own);
    const text = typeof own.prompt === "string" ? own.prompt : prompt;
    const { tensors, warnings } = await recorded(both(text), own);
    assertClose(t, tensors.latents, plain.tensors.latents, 1e-5, name);
    t.strictSame(warnings, []);
  }
});

test("words are read beside prompts over time, in every frame", async (t) => {
  const recorded = await sampler(t);
  const over = { prompt: { 0: "a cat", 2: "a robot" } };
  const of = async (words?: string) => {
    const { tensors } = await recorded([{ reference: a, region: left, words }], over);
    return [...(tensors.latents?.data ?? [])];
  };
  const { left: here, right: there } = apart(await of("the red robot"), await of());
  t.ok(here > there, `${here} and ${there}`);
});

test("without a region a subject's references alone read its words", async (t) => {
  const recorded = await sampler(t);
  const of = async (own: object, more: object = {}) =>
    (await recorded([{ reference: a, ...own }], more)).tensors.latents as Tensor;
  const words = "the red robot";
  const region = { x: 0, y: 0, width: 1, height: 1 };
  const alone = await of({ words });
  t.notSame(alone, await of({}));
  const everywhere = await of({ words, region });
  t.notSame(alone, everywhere, "a region of the whole frame reads them, too");
  assertClose(t, everywhere, await of({ region }, { prompt: words }), 1e-5, "as a prompt");
});

test("words are encoded as a prompt is, and said where they are cut", async (t) => {
  const recorded = await sampler(t);
  const words = "a (cat:1.3)";
  const two = await recorded([{ reference: a }, { reference: b, words }], { prompt: words });
  t.equal(two.tensors.words_embeds_0, undefined, "the first one has none");
  assertClose(t, two.tensors.words_embeds_1, two.tensors.prompt_embeds, 1e-6, "the second one's");
  t.strictSame(two.warnings, []);
  const long = "the ".repeat(100);
  const { tensors } = await recorded([{ reference: a, words: long }]);
  t.equal(tensors.words_ids_0?.shape[1], 2 * 77);
  t.equal(tensors.prompt_ids?.shape[1], 77, "the prompt stays as short as it is");
  const { warnings } = await recorded([{ reference: a, words: long }], { longPrompt: "cut" });
  t.match(warnings, [/^the text of subjects\[0\]\.words was cut after /]);
});

test("says what is wrong with words", async (t) => {
  const recorded = await sampler(t);
  const refused = (words: unknown, message: RegExp) =>
    t.rejects(recorded([{ reference: a }, { reference: b, words: words as string }]), {
      code: "ERR_INVALID_OPTION",
      message,
    });
  await refused(1, /^subjects\[1\]\.words: 1 is not allowed.*a text of at most 10000 characters/);
  await refused("a".repeat(10_001), /^subjects\[1\]\.words: /);
  await refused("the ".repeat(2490), /^subjects\[1\]\.words: it has 34 chunks of 75 tokens; at most 32/);
  await refused("(cat:1000)", /^subjects\[1\]\.words: the emphasis on "cat" is /);
});
