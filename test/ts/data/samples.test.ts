// Slow: it decodes films, in processes.
import { join } from "node:path";
import { test } from "tap";
import { ClipTokenizer } from "#ts/tokens/tokenizer.js";
import {
  clipFolder,
  type DataRecipe,
  frameOf,
  openData,
  paintClip,
  pixel,
  recipe,
  reference,
  samplesOf,
  take,
  tokenizer,
  writeClip,
  writeText,
} from "./helpers.js";

/** A folder of one clip and its caption. */
async function oneClip(folder: string, name: string, frames: number): Promise<string> {
  await writeClip(join(folder, name), frames);
  writeText(join(folder, "clip.txt"), "A clip.");
  return folder;
}

/** Which of the clip's frames the sample's are. */
const frameNumbers = (images: Uint8Array | undefined, count: number) =>
  Array.from({ length: count }, (_, i) => frameOf(images?.[(i * (images.length / count)) | 0]));

test("every kind of clip gives its frames, in order", async (t) => {
  for (const name of [
    "clip.mp4",
    "clip.webm",
    "clip.gif",
    "clip.webp",
    join("clip", "%03d.png"),
    join("clip", "%d.jpg"),
  ]) {
    const folder = await oneClip(t.testdir(), name, 12);
    for (const { frames, width, height, caption, references, latents, cachePath } of await samplesOf(
      t,
      recipe(folder, { stride: 2 }),
      4,
    )) {
      const numbers = frameNumbers(frames, 4);
      const first = numbers[0] ?? 0;
      t.strictSame(numbers, [first, first + 2, first + 4, first + 6], name);
      t.ok(first >= 0 && first <= 5);
      t.strictSame([frames?.length, width, height, caption], [4 * 32 * 32 * 3, 32, 32, "A clip."]);
      t.strictSame([references, latents, cachePath], [undefined, undefined, undefined]);
    }
  }
});

test("captions are the text encoder's tokens", async (t) => {
  const folder = await oneClip(t.testdir(), "clip.webp", 4);
  const [sample] = await samplesOf(t, recipe(folder), 1);
  t.strictSame(sample?.ids, (await ClipTokenizer.load(tokenizer)).encode("A clip.", 16).ids);
});

test("the start is random, or the first frame", async (t) => {
  const folder = await oneClip(t.testdir(), "clip.webp", 10);
  const starts = async (changes: Partial<DataRecipe>) =>
    (await samplesOf(t, recipe(folder, changes), 40)).map(({ frames }) => frameOf(frames?.[0]));
  t.strictSame(new Set(await starts({ start: "first" })), new Set([0]));
  t.strictSame([...new Set(await starts({}))].sort(), [0, 1, 2, 3, 4, 5, 6]);
});

test("a clip too short for the stride has a smaller one", async (t) => {
  const folder = t.testdir();
  for (const [count, expected] of [
    [4, [0, 1, 2, 3]],
    [6, [0, 1, 2, 3]],
    [7, [0, 2, 4, 6]],
    [9, [0, 2, 4, 6]],
    [10, [0, 3, 6, 9]],
    [30, [0, 8, 16, 24]],
  ] as const) {
    await oneClip(folder, "clip.webp", count);
    const [sample] = await samplesOf(t, recipe(folder, { stride: 8, start: "first" }), 1);
    t.strictSame(frameNumbers(sample?.frames, 4), expected, `${count} frames`);
  }
});

test("an image model takes pictures, and frames of clips", async (t) => {
  const folder = await oneClip(t.testdir(), "clip.webp", 12);
  await writeClip(join(folder, "still.png"), 1);
  writeText(join(folder, "still.txt"), "A still.");
  const samples = await samplesOf(t, recipe(folder, { frames: 1 }), 40, { kind: "image" });
  const seen = (name: string) =>
    new Set(samples.filter(({ clip }) => clip.endsWith(name)).map(({ frames }) => frameOf(frames?.[0])));
  t.strictSame(seen("still.png"), new Set([0]));
  t.ok(seen("clip.webp").size > 6);
  t.ok(samples.every(({ frames }) => frames?.length === 32 * 32 * 3));
});

/** A folder with a clip of frames 64x32 in which red grows to the right and green downwards. */
async function gradients(folder: string): Promise<string> {
  await paintClip(join(folder, "clip", "%d.png"), [4, 64, 32], (frame, x, y) => [4 * x, 8 * y, 40 * frame]);
  writeText(join(folder, "clip.txt"), "A gradient.");
  return folder;
}

test("a crop is the same in all frames, and anywhere or in the middle", async (t) => {
  const folder = await gradients(t.testdir());
  const lefts = new Set<number>();
  for (const { frames } of await samplesOf(t, recipe(folder, { size: [[32, 32]] }), 30)) {
    const corners = [0, 1, 2, 3].map((i) => pixel(frames?.subarray(3072 * i), 32, 0, 0));
    t.equal(new Set(corners.map(([red]) => red)).size, 1);
    t.strictSame(
      corners.map(([, , blue]) => blue),
      [0, 40, 80, 120],
    );
    lefts.add((corners[0]?.[0] ?? 0) / 4);
  }
  t.ok(lefts.size > 12 && Math.min(...lefts) < 6 && Math.max(...lefts) > 26, [...lefts].join());
  const [middle] = await samplesOf(t, recipe(folder, { cropPosition: "center" }), 1);
  t.strictSame(pixel(middle?.frames, 32, 0, 0), [4 * 16, 0, 0]);
  t.strictSame(pixel(middle?.frames, 32, 31, 31), [4 * 47, 8 * 31, 0]);
  const [scaled] = await samplesOf(t, recipe(folder, { size: [[16, 16]], cropPosition: "center" }), 1);
  const [red = 0, green = 0] = pixel(scaled?.frames, 16, 8, 8);
  t.ok(Math.abs(red - 4 * 32.5) < 4 && Math.abs(green - 8 * 16.5) < 6, `${red}, ${green}`);
});

test("padding shows all of a frame on white", async (t) => {
  const folder = await gradients(t.testdir());
  const [sample] = await samplesOf(t, recipe(folder, { size: [[32, 32]], fit: "pad" }), 1);
  t.strictSame(pixel(sample?.frames, 32, 16, 4), [255, 255, 255]);
  t.strictSame(pixel(sample?.frames, 32, 16, 27), [255, 255, 255]);
  const [left = 255] = pixel(sample?.frames, 32, 1, 16);
  const [right = 0] = pixel(sample?.frames, 32, 30, 16);
  t.ok(left < 16 && right > 236, `${left} to ${right}`);
});

test("clips go to the size that is nearest to their shape", async (t) => {
  const folder = t.testdir();
  const shapes = { wide: [64, 32], tall: [32, 64], square: [48, 48], big: [96, 96] } as const;
  for (const [name, [width, height]] of Object.entries(shapes)) {
    await writeClip(join(folder, `${name}.webp`), 4, width, height);
    writeText(join(folder, `${name}.txt`), name);
  }
  writeText(join(folder, "broken.webp"), "broken");
  writeText(join(folder, "broken.txt"), "broken");
  const size: DataRecipe["size"] = [
    [32, 16],
    [16, 32],
    [32, 32],
    [80, 80],
  ];
  const { data, skips } = await openData(t, recipe(folder, { size, workers: 2 }), { batch: 2 });
  t.match(skips, [{ message: /broken\.webp is no film/ }], "known before the first sample");
  const seen = new Map<string, string>();
  const samples = await take(data, 24);
  for (const { caption, width, height, frames } of samples) {
    seen.set(caption, `${width}x${height}`);
    t.equal(frames?.length, 4 * 3 * width * height);
  }
  t.strictSame(Object.fromEntries(seen), { wide: "32x16", tall: "16x32", square: "32x32", big: "80x80" });
  for (let i = 0; i < samples.length; i += 2)
    t.equal(samples[i]?.width, samples[i + 1]?.width, "one size a batch");
});

test("references are frames that are spread over the clip, without repetition", async (t) => {
  const folder = await oneClip(t.testdir(), "clip.webp", 24);
  const drawn = async (count: number, candidates: number) => {
    const references = { ...reference, count, candidates };
    const samples = await samplesOf(t, recipe(folder, { references }), 24);
    return samples.map((sample) => frameNumbers(sample.references, count));
  };
  t.strictSame(new Set((await drawn(1, 4)).flat()), new Set([3, 9, 15, 21]), "one of four");
  for (const numbers of await drawn(3, 4)) t.equal(new Set(numbers).size, 3, numbers.join());
  const more = await drawn(3, 2);
  t.ok(more.every((numbers) => new Set(numbers).size === 2 && numbers[2] === numbers[0]));
});

test("what a mask leaves out of a reference is white", async (t) => {
  const folder = t.testdir();
  await paintClip(join(folder, "clips", "clip", "%d.png"), [4, 32, 32], (frame, x) => [
    8 * x,
    10,
    40 * frame,
  ]);
  writeText(join(folder, "clips", "clip.txt"), "A clip.");
  // The subject is left of a line that moves with the frame; its luma is just enough, and not quite.
  const paint = (frame: number, x: number) => (x < 8 + 4 * frame ? [128, 128, 128] : [127, 127, 127]);
  await paintClip(
    join(folder, "masks", "clip", "%d.png"),
    [4, 32, 32],
    (frame, x) => paint(frame, x) as never,
  );
  await paintClip(join(folder, "one", "clip.png"), [1, 32, 32], (_, x) =>
    x < 20 ? [255, 255, 255] : [0, 0, 0],
  );
  const line = ({ references }: { references: Uint8Array | undefined }) => {
    const row = Array.from({ length: 32 }, (_, x) => pixel(references, 32, x, 16));
    const whiteFrom = row.findIndex((each) => each.join() === "255,255,255");
    t.ok(row.every((each, x) => (x < whiteFrom ? each[0] === 8 * x : each.join() === "255,255,255")));
    return [(row[0]?.[2] ?? 0) / 40, whiteFrom];
  };
  const clips = join(folder, "clips");
  const masked = (masks: string) => recipe(clips, { masks: join(folder, masks), references: reference });
  for (const sample of await samplesOf(t, masked("masks"), 12)) {
    const [frame = 0, whiteFrom] = line(sample);
    t.equal(whiteFrom, 8 + 4 * frame);
    t.strictSame(pixel(sample.frames, 32, 31, 16), [8 * 31, 10, 0], "frames are not masked");
  }
  t.strictSame(
    new Set((await samplesOf(t, masked("one"), 6)).map((sample) => line(sample)[1])),
    new Set([20]),
  );
  const plain = recipe(clips, { masks: join(folder, "one"), references: { ...reference, highlight: false } });
  const [unmasked] = await samplesOf(t, plain, 1);
  t.strictSame(pixel(unmasked?.references, 32, 31, 16).slice(0, 2), [8 * 31, 10]);
});

test("a list names masks itself", async (t) => {
  const folder = await clipFolder(t.testdir(), 2);
  await paintClip(join(folder, "m.png"), [1, 48, 32], () => [0, 0, 0]);
  const rows = "path,caption,mask\nclip-0.webp,masked,m.png\nclip-1.webp,not,\n";
  const list = writeText(join(folder, "list.csv"), rows);
  for (const { caption, references } of await samplesOf(t, recipe(list, { references: reference }), 6)) {
    t.equal(
      references?.every((value) => value === 255),
      caption === "masked",
      caption,
    );
  }
});

test("references are flipped with the probability that is asked for", async (t) => {
  const folder = await gradients(t.testdir());
  const size: DataRecipe["size"] = [[64, 32]];
  const flipped = async (flip: number) => {
    const samples = await samplesOf(t, recipe(folder, { size, references: { ...reference, flip } }), 40);
    return samples.filter(({ references }) => {
      const [left, right] = [pixel(references, 64, 0, 0)[0], pixel(references, 64, 63, 0)[0]];
      t.strictSame([left, right].sort(), [0, 252]);
      return left === 252;
    }).length;
  };
  t.equal(await flipped(0), 0);
  t.equal(await flipped(1), 40);
  const half = await flipped(0.5);
  t.ok(half > 8 && half < 32, `${half} of 40`);
});

test("an affine map turns, shifts and scales, with white from outside", async (t) => {
  const folder = t.testdir();
  // A black square on yellow, a little to the right of the middle: [38, 46) x [28, 36) of 64x64.
  await paintClip(join(folder, "clip", "%d.png"), [4, 64, 64], (_, x, y) =>
    x >= 38 && x < 46 && y >= 28 && y < 36 ? [0, 0, 0] : [255, 255, 0],
  );
  writeText(join(folder, "clip.txt"), "A square.");
  const mapped = async (
    affine: { degrees: number; translate: number; scale: [number, number] },
    count = 1,
  ) => {
    const data = recipe(folder, { size: [[64, 64]], references: { ...reference, affine } });
    return (await samplesOf(t, data, count)).map(({ references }) => measure(references));
  };
  t.match(await mapped({ degrees: 0, translate: 0, scale: [1, 1] }), [
    { x: 41.5, y: 31.5, black: 64, white: 0 },
  ]);
  const [small] = await mapped({ degrees: 0, translate: 0, scale: [0.5, 0.5] });
  t.ok(Math.abs((small?.x ?? 0) - 36.5) < 1 && Math.abs((small?.y ?? 0) - 31.5) < 1, JSON.stringify(small));
  t.ok(Math.abs((small?.black ?? 0) - 16) < 8 && Math.abs((small?.white ?? 0) - 3 * 32 * 32) < 150);
  for (const { x, y, black } of await mapped({ degrees: 180, translate: 0, scale: [1, 1] }, 12)) {
    const radius = Math.hypot(x - 31.5, y - 31.5);
    t.ok(Math.abs(radius - 10) < 0.8 && Math.abs(black - 64) < 14, `${x}, ${y}: ${black}`);
  }
  const shifted = await mapped({ degrees: 0, translate: 0.25, scale: [1, 1] }, 12);
  for (const { x, y, black, white } of shifted) {
    const [right, down] = [Math.round(x - 41.5), Math.round(y - 31.5)];
    t.ok(Math.abs(right) <= 16 && Math.abs(down) <= 16 && black === 64);
    t.equal(white, 64 * 64 - (64 - Math.abs(right)) * (64 - Math.abs(down)), `${right}, ${down}`);
  }
  t.ok(new Set(shifted.map(({ x }) => x)).size > 6);
});

/** Where the black of a 64x64 picture is, and how many pixels are black and white. */
function measure(image: Uint8Array | undefined): { x: number; y: number; black: number; white: number } {
  let [x, y, black, white] = [0, 0, 0, 0];
  for (let i = 0; i < 64 * 64; i++) {
    const [red = 0, , blue = 0] = pixel(image, 64, i % 64, Math.floor(i / 64));
    if (blue > 200) white++;
    if (red > 100) continue;
    black++;
    x += i % 64;
    y += Math.floor(i / 64);
  }
  return { x: x / black, y: y / black, black, white };
}

test("a reference shows all of a frame where the video does", async (t) => {
  const folder = await gradients(t.testdir());
  for (const [fit, corner] of [
    ["pad", [255, 255, 255]],
    ["crop", [4 * 16, 0]],
  ] as const) {
    const [sample] = await samplesOf(t, recipe(folder, { fit, references: reference }), 1);
    t.strictSame(pixel(sample?.references, 32, 0, 0).slice(0, corner.length), corner, fit);
  }
});
