import { join } from "node:path";
import { Pipeline, type SampleRequest } from "cameo";
import { type Test, test } from "tap";
import { nativeSubjects } from "#ts/options/subjects.js";
import { writeModel } from "../support/model_folder.js";
import { readSafetensors } from "../support/safetensors.js";

const scheduler = { _class_name: "DDIMScheduler" };
const paths = writeModel("build/fixtures/subjects", { motion: "motion", subject: "subject", scheduler });
const [width, height] = [80, 32];
const picture = (seed: number) => ({
  data: new Uint8Array(3 * width * height).map((_, i) => (i * seed) % 251),
  width,
  height,
});
const [a, b] = [picture(7), picture(13)];
const request: SampleRequest = {
  prompt: "a cat",
  ...{ width, height, frames: 3, steps: 2, seed: 7, guidanceScale: 3, negativePrompt: "" },
};
const left = { x: 0, y: 0, width: 0.5, height: 1 };
const right = { ...left, x: 0.5 };

async function sampler(t: Test) {
  const pipe = await Pipeline.load({ ...paths, device: "cpu", dtype: "fp32" });
  t.teardown(() => pipe.close());
  const folder = t.testdir();
  let count = 0;
  return async (own: Partial<SampleRequest>) => {
    const saveLatents = join(folder, `${count++}.safetensors`);
    await pipe.sample({ ...request, ...own, saveLatents });
    const { latents } = readSafetensors(saveLatents);
    return latents?.data;
  };
}

test("one subject everywhere is what references are", async (t) => {
  const latents = await sampler(t);
  const plain = await latents({ reference: [a, b] });
  t.strictSame(await latents({ subjects: [{ reference: [a, b] }] }), plain);
  t.strictSame(await latents({ subjects: [{ reference: [a, b], strength: { levels: [1, 1] } }] }), plain);
});

test("a subject is where its region says, as a box or as a mask", async (t) => {
  const latents = await sampler(t);
  const both = [{ reference: a }, { reference: b }];
  const apart = [
    { reference: a, region: left },
    { reference: b, region: right },
  ];
  const boxes = await latents({ subjects: apart });
  t.notSame(boxes, await latents({ subjects: both }));
  t.notSame(
    boxes,
    await latents({ subjects: apart.map((one, i) => ({ ...one, region: [right, left][i] })) }),
  );
  const white = (isWhite: (x: number) => boolean) => ({
    data: new Uint8Array(3 * width * height).map((_, i) => (isWhite(Math.floor(i / 3) % width) ? 255 : 0)),
    ...{ width, height },
  });
  const masks = [white((x) => x < width / 2), white((x) => x >= width / 2)];
  const asMasks = (film: (mask: (typeof masks)[number]) => object) =>
    apart.map((one, i) => ({ ...one, region: film(masks[i] as (typeof masks)[number]) as typeof a }));
  t.strictSame(await latents({ subjects: asMasks((mask) => mask) }), boxes);
  t.strictSame(await latents({ subjects: asMasks((mask) => [mask, mask, mask]) }), boxes, "one a frame");
  const still = apart.map((one) => ({ ...one, region: { 0: one.region, 2: one.region } }));
  t.strictSame(await latents({ subjects: still }), boxes, "a box that moves nowhere");
});

test("a subject's strength is by step and level", async (t) => {
  const latents = await sampler(t);
  const of = (strength: number | object) => latents({ subjects: [{ reference: a, strength }] });
  const full = await of(1);
  t.notSame(await of(0.5), full);
  t.notSame(await of({ to: 0.5 }), full);
  t.notSame(await of({ to: 0.5 }), await of({ from: 0.5 }));
  t.strictSame(await of({ to: 0 }), await of(0), "never");
  t.notSame(await of({ levels: [1, 0] }), full);
  t.strictSame(await of({ scale: 2, levels: [0.5] }), full);
});

test("boxes move evenly between their frames", (t) => {
  const complete = { reference: [a], strength: { scale: 1, from: 0, to: 1, levels: [1] } };
  const boxesOf = (region: object, frames: number) =>
    nativeSubjects([{ ...complete, region: region as typeof left }], { frames })[0]?.boxes;
  t.strictSame(boxesOf(left, 9), [[0, 0, 0.5, 1]], "one for all frames");
  t.strictSame(boxesOf({ 1: left, 3: right }, 5), [
    [0, 0, 0.5, 1],
    [0, 0, 0.5, 1],
    [0.25, 0, 0.75, 1],
    [0.5, 0, 1, 1],
    [0.5, 0, 1, 1],
  ]);
  t.strictSame(boxesOf(a, 2), [], "a mask is no box");
  t.end();
});

test("says what is wrong with subjects", async (t) => {
  const latents = await sampler(t);
  const refused = async (own: Partial<SampleRequest>, message: RegExp) =>
    t.rejects(latents(own), { code: "ERR_INVALID_OPTION", message });
  const of = (one: object) => ({ subjects: [{ reference: a, ...one }] });
  await refused({ subjects: [] }, /^subjects: \[\] is not allowed/);
  await refused({ reference: a, subjects: [{ reference: b }] }, /^reference: with subjects/);
  await refused(
    of({ region: { x: 0.6, y: 0, width: 0.5, height: 1 } }),
    /^subjects\[0\].region: .*lies within/s,
  );
  await refused(of({ region: { x: 0.6, y: 0, width: 0, height: 1 } }), /^subjects\[0\].region: /);
  await refused(of({ region: { 3: left } }), /^subjects\[0\].region: '3' is not allowed/);
  await refused(of({ region: {} }), /^subjects\[0\].region: \{\} is not allowed/);
  await refused(of({ region: [a, a] }), /^subjects\[0\].region has 2 frames and the request 3/);
  const corner = { ...a, data: new Uint8Array(3 * width * height).fill(255, 0, 3) };
  await refused(of({ region: corner }), /^subjects\[0\].region: what is white in it is too small; make more/);
  await refused(of({ strength: -1 }), /^subjects\[0\].strength: -1 is not allowed/);
  await refused(of({ strength: { from: 0.7, to: 0.3 } }), /^subjects\[0\].strength: /);
  await refused(
    of({ mask: a }),
    /^subjects\[0\].mask is not an option; the options of subjects\[0\] are reference, region/,
  );
});
