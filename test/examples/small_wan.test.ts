// Slow: it samples with a small model of Wan's kind.
import { Pipeline, type Video } from "cameo";
import sharp from "sharp";
import { type Test, test } from "tap";
import { inspectPath } from "#ts/inspect_path.js";

const folder = "examples/small_wan/model";
const model = { base: `${folder}/base`, subject: `${folder}/subject.gguf` };
const place = { device: "cpu", dtype: "fp32" } as const;
const critters = ["examples/critter.png", "examples/critter-2.png", "examples/critter-3.png"];

/** How much of a picture has each colour, of 4 steps of red, green and blue each, but for white. */
function colours(pixels: Uint8Array): number[] {
  const counts = new Array<number>(64).fill(0);
  for (let i = 0; i < pixels.length; i += 3) {
    const [red = 0, green = 0, blue = 0] = pixels.subarray(i, i + 3);
    const colour = (red >> 6) * 16 + (green >> 6) * 4 + (blue >> 6);
    if (Math.min(red, green, blue) < 230) counts[colour] = (counts[colour] ?? 0) + 1;
  }
  const all = counts.reduce((sum, count) => sum + count, 0);
  return counts.map((count) => count / all);
}

async function coloursOf(picture: string): Promise<number[]> {
  return colours(await sharp(picture).removeAlpha().resize(64, 64).raw().toBuffer());
}

/** How much two pictures have of the same colours. */
function shared(a: number[], b: number[]): number {
  return a.reduce((sum, count, i) => sum + Math.min(count, b[i] ?? 0), 0);
}

const settings = { seed: 1, steps: 12, guidanceScale: 3, imageGuidanceScale: 3 };

async function film(t: Test, pipe: Pipeline, reference: string, options = {}): Promise<Video> {
  const prompt = "a critter walks on the moon";
  const video = await pipe.sample({
    prompt,
    reference: [reference, reference],
    ...settings,
    ...options,
  });
  t.same([video.width, video.height], [64, 64]);
  return video;
}

test("it says what films it makes", async (t) => {
  await using pipe = await Pipeline.load({ ...model, ...place });
  const { options, defaultSize } = pipe.describe();
  t.same(defaultSize, [64, 64]);
  t.match(options, { frames: 9, width: 64, height: 64 });
  t.match(await inspectPath(model.subject), { option: "--subject" });
});

test("a film has the colours of its subject, and not those of another", async (t) => {
  await using pipe = await Pipeline.load({ ...model, ...place });
  const references = await Promise.all(critters.map(coloursOf));
  const films: number[][] = [];
  for (const critter of critters) films.push(colours((await film(t, pipe, critter)).frames));
  // What all films have, the moon, tells nothing.
  const common = films[0]?.map((_, i) => Math.min(...films.map((one) => one[i] ?? 0))) ?? [];
  for (const [i, one] of films.entries()) {
    const own = one.map((count, colour) => count - (common[colour] ?? 0));
    const likeness = references.map((reference) => shared(own, reference));
    t.equal(likeness.indexOf(Math.max(...likeness)), i, `${critters[i]}: ${likeness}`);
  }
});

test("a film of several windows keeps its subject to the end", async (t) => {
  await using pipe = await Pipeline.load({ ...model, ...place });
  const context = { length: 9, overlap: 2 };
  const [own, other] = [critters[2] as string, critters[1] as string];
  const [video, others] = [
    await film(t, pipe, own, { frames: 17, context }),
    await film(t, pipe, other, { frames: 17, context }),
  ];
  t.equal(video.count, 17);
  const wanted = await coloursOf(own);
  const part = (video.frames.length / video.count) * 4;
  for (let first = 0; first < video.frames.length; first += part) {
    const some = (of: Video) => shared(colours(of.frames.subarray(first, first + part)), wanted);
    const [right, wrong] = [some(video), some(others)];
    t.ok(right > wrong, `four frames from byte ${first}: ${right} and ${wrong}`);
  }
});
