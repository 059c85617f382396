import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Pipeline, type SampleRequest } from "cameo";
import { type Test, test } from "tap";
import { readVideo } from "#ts/media/index.js";
import { cameo } from "../support/command.js";
import { sample } from "../support/parity.js";
import { png } from "../support/pictures.js";
import { widenInput, writeSmallModel } from "../support/small_model.js";
import type { Tensor } from "../support/tensors.js";

const [width, height, count] = [40, 32, 3];
const size = 3 * width * height;
const drawn = (seed: number, length = size) =>
  Uint8Array.from({ length }, (_, i) => 128 + 120 * Math.sin(seed + 0.37 * i + 0.011 * i * seed));
const picture = { data: drawn(1), width, height };
const film = { data: drawn(2, size * count), frames: count, width, height, fps: 12 };
/** White on the left half of a frame, or on the right one, and a film of both. */
const half = (right: boolean) =>
  Uint8Array.from({ length: size }, (_, i) => (Math.floor(i / 3) % width >= 24 === right ? 255 : 0));
const mask = { data: half(true), width, height };
const masks = [false, true, true].map((right) => ({ data: half(right), width, height }));
const request = { prompt: "a", width, height, steps: 4, guidanceScale: 3, seed: 7 };

const models = { plain: 4, inpainting: 9, editing: 8 };
const loaded = new Map<string, Promise<Pipeline>>();
/** With motion modules; each is loaded once. */
function open(
  kind: keyof typeof models,
  parts: "still" | "motion" | "subject" = "motion",
): Promise<Pipeline> {
  const name = `films_${kind}_${parts}`;
  const load = () => {
    const { base, motion, subject } = writeSmallModel(name);
    if (kind !== "plain") widenInput(base, models[kind]);
    const taken = { ...(parts !== "still" && { motion }), ...(parts === "subject" && { subject }) };
    return Pipeline.load({ base, ...(taken as object), device: "cpu", dtype: "fp32" });
  };
  const opening = loaded.get(name) ?? load();
  loaded.set(name, opening);
  return opening;
}

/** The latents of the last step. */
function lastOf({ shape, data }: Tensor): Tensor {
  return { shape: shape.slice(1), data: data.slice(-data.length / (shape[0] as number)) };
}

/** A number of a tensor (1, C, F, h, w). */
function at({ shape, data }: Tensor, [c, f, y, x]: readonly [number, number, number, number]): number {
  const [, , frames = 1, rows = 1, columns = 1] = shape;
  return data[((c * frames + Math.min(f, frames - 1)) * rows + y) * columns + x] as number;
}

/** What is the film's at the end, as a text for each frame: "k" kept, "n" new, by columns of latents. */
function keptColumns(latents: Tensor, clean: Tensor): string[] {
  const { shape } = latents;
  const [, channels = 0, frames = 0, rows = 0, columns = 0] = shape;
  return Array.from({ length: frames }, (_, f) =>
    Array.from({ length: columns }, (_, x) => {
      let kept = true;
      for (let c = 0; c < channels; c++)
        for (let y = 0; y < rows; y++) {
          kept &&= at(latents, [c, f, y, x]) === at(clean, [c, f, y, x]);
        }
      return kept ? "k" : "n";
    }).join(""),
  );
}

const framesOf = async (pipe: Pipeline, changes: Partial<SampleRequest>) =>
  Buffer.from((await pipe.sample({ ...request, ...changes })).frames);

test("a film enters a step in the middle as noisy as that step is, and says how long it is", async (t) => {
  const pipe = await open("plain");
  const asked = { ...request, steps: 10, strength: 0.5, video: film };
  const tensors = await sample(t, pipe, asked);
  const { timesteps, film_latents: clean, initial_noise: noise, start_latents: start, latents } = tensors;
  t.equal(timesteps?.shape[0], 5);
  t.equal(latents?.shape[0], 5);
  let alpha = 1;
  for (let i = 0; i <= (timesteps?.data[0] as number); i++)
    alpha *= 1 - (0.00085 + (i * (0.012 - 0.00085)) / 999);
  const [, channels = 0, frames = 0, rows = 0, columns = 0] = start?.shape ?? [];
  t.strictSame(noise?.shape, [1, frames, channels, rows, columns], "drawn frame by frame");
  let [off, most] = [0, 0];
  for (let c = 0; c < channels; c++)
    for (let f = 0; f < frames; f++)
      for (let i = 0; i < rows * columns; i++) {
        const place = [c, f, Math.floor(i / columns), i % columns] as const;
        const eps = noise?.data[(f * channels + c) * rows * columns + i] as number;
        const wanted = Math.sqrt(alpha) * at(clean as Tensor, place) + Math.sqrt(1 - alpha) * eps;
        off = Math.max(off, Math.abs(wanted - at(start as Tensor, place)));
        most = Math.max(most, Math.abs(wanted));
      }
  t.ok(off < 1e-5 * most, `${off} of ${most}`);

  const { request: complete, frames: pixels } = await pipe.sample(asked);
  t.match(complete, { frames: count, fps: 12, strength: 0.5 });
  t.equal(
    (await pipe.sample({ ...asked, video: film })).toJSON().request.video,
    "pixels",
    "files name no pixels",
  );
  const again = await pipe.sample(complete);
  t.ok(Buffer.from(again.frames).equals(pixels), "the complete request does the same");
  const full = (await pipe.sample({ ...request, video: film })).request;
  t.equal(full.strength, 0.8);
  const frames1 = Array.from({ length: count }, (_, i) => film.data.subarray(i * size, (i + 1) * size));
  const list = frames1.map((data) => ({ data, width, height }));
  t.ok((await framesOf(pipe, { ...asked, video: list })).equals(pixels), "pictures are a film, too");
});

test("a still starts from a picture", async (t) => {
  const pipe = await open("plain", "still");
  const weak = await sample(t, pipe, { ...request, steps: 10, image: picture, strength: 0.3 });
  t.equal(weak.timesteps?.shape[0], 3);
  t.notOk((await framesOf(pipe, { image: picture })).equals(await framesOf(pipe, {})));
  t.equal((await pipe.sample({ ...request, image: picture })).request.strength, 0.8);
  t.equal((await pipe.sample({ ...request, image: picture, mask })).request.strength, 1);
});

test("a film with a subject starts from it as well", async (t) => {
  const pipe = await open("plain", "subject");
  const cast = { reference: picture, video: film, strength: 0.5 };
  t.notOk((await framesOf(pipe, cast)).equals(await framesOf(pipe, { ...cast, reference: masks[0] })));
});

test("outside of a mask the film stays, frame by frame, whatever the sampler", async (t) => {
  const pipe = await open("plain", "subject");
  const plain = { ...request, reference: picture, video: film };
  for (const scheduler of ["ddim", "euler-ancestral", "heun", "unipc", "lcm", "pndm"] as const) {
    for (const strength of [1, 0.5]) {
      const { latents, film_latents: clean } = await sample(t, pipe, {
        ...plain,
        scheduler,
        strength,
        mask: masks,
      });
      const kept = keptColumns(lastOf(latents as Tensor), clean as Tensor);
      t.strictSame(kept, ["nnnkk", "kkknn", "kkknn"], `${scheduler}, ${strength}`);
    }
  }
  const one = await sample(t, pipe, { ...plain, mask });
  t.strictSame(
    keptColumns(lastOf(one.latents as Tensor), one.film_latents as Tensor),
    Array(count).fill("kkknn"),
  );
  const still = await sample(t, pipe, {
    ...request,
    reference: picture,
    image: picture,
    mask,
    frames: count,
  });
  t.strictSame(
    keptColumns(lastOf(still.latents as Tensor), still.film_latents as Tensor),
    Array(count).fill("kkknn"),
  );
});

test("first and last frames are those that are given", async (t) => {
  const pipe = await open("plain");
  const ends = { image: picture, lastImage: masks[0] };
  const kept = async (given: Partial<SampleRequest>) => {
    const tensors = await sample(t, pipe, { ...request, frames: 4, ...given });
    return keptColumns(lastOf(tensors.latents as Tensor), tensors.film_latents as Tensor).map(
      (each) => each[0],
    );
  };
  t.strictSame(await kept(ends), ["k", "n", "n", "k"]);
  t.strictSame(await kept({ image: picture }), ["k", "n", "n", "n"]);
  t.strictSame(await kept({ lastImage: picture }), ["n", "n", "n", "k"]);
});

test("a network that sees a mask sees each frame's, and none of a reference", async (t) => {
  const pipe = await open("inpainting");
  const video = { video: film };
  const one = await framesOf(pipe, { ...video, mask });
  t.ok((await framesOf(pipe, { ...video, mask: [mask, mask, mask] })).equals(one));
  t.notOk((await framesOf(pipe, { ...video, mask: masks })).equals(one));
  t.notOk((await framesOf(pipe, { ...video, mask, strength: 0.5 })).equals(one));

  const cast = await open("inpainting", "subject");
  const tensors = await sample(t, cast, { ...request, ...video, mask: masks, reference: picture });
  const {
    unet_in_0: input,
    reference_latents: reference,
    image_latents: masked,
  } = tensors as Record<string, Tensor>;
  const [, channels = 0, images = 0, rows = 0, columns = 0] = input?.shape ?? [];
  t.strictSame([channels, images], [9, count + 1]);
  const conditional = {
    shape: [1, channels, images, rows, columns],
    data: (input as Tensor).data.slice((input as Tensor).data.length / 2),
  };
  const seen = (f: number, x: number) => at(conditional, [4, f, 0, x]);
  t.strictSame(
    [0, 1, 2, 3].map((f) => [seen(f, 0), seen(f, 4)]),
    [
      [1, 0],
      [0, 1],
      [0, 1],
      [0, 0],
    ],
  );
  for (const c of [0, 1, 2, 3]) {
    const [latent, shown] = [at(reference as Tensor, [c, 0, 1, 1]), at(conditional, [5 + c, count, 1, 1])];
    t.equal(shown, latent, "a reference's own latents");
    t.equal(at(conditional, [5 + c, 1, 2, 2]), at(masked as Tensor, [c, 1, 2, 2]));
  }
});

test("a film is edited frame by frame", async (t) => {
  const pipe = await open("editing");
  const edit = { ...request, instruction: "make it red", prompt: undefined as never };
  const frames = async (changes: Partial<SampleRequest>) =>
    Buffer.from((await pipe.sample({ ...edit, ...changes })).frames);
  const still = await frames({ image: picture, frames: count });
  t.ok(
    (await frames({ video: [picture, picture, picture] })).equals(still),
    "the same picture in every frame",
  );
  t.notOk((await frames({ video: film })).equals(still));
  const { request: complete } = await pipe.sample({ ...edit, video: film });
  t.match(complete, { prompt: "make it red", frames: count });
  t.notOk("strength" in complete || "instruction" in complete);
});

test("expanding is painting a margin anew", async (t) => {
  const pipe = await open("plain");
  const inner = { data: drawn(3, 3 * 24 * 32), width: 24, height: 32 };
  const wide = new Uint8Array(size);
  const margin = new Uint8Array(size).fill(255);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const from = Math.min(Math.max(x - 16, 0), 23);
      for (let c = 0; c < 3; c++)
        wide[3 * (y * width + x) + c] = inner.data[3 * (y * 24 + from) + c] as number;
      if (x >= 16) margin.fill(0, 3 * (y * width + x), 3 * (y * width + x) + 3);
    }
  const byHand = { image: { data: wide, width, height }, mask: { data: margin, width, height }, frames: 2 };
  const expanded = { image: inner, expand: { left: 16 }, frames: 2 };
  t.ok((await framesOf(pipe, expanded)).equals(await framesOf(pipe, byHand)));
  t.match((await pipe.sample({ ...request, ...expanded })).request.expand, {
    left: 16,
    right: 0,
    top: 0,
    bottom: 0,
  });
});

const code = "ERR_INVALID_OPTION";
const refuses = async (t: Test, pipe: Pipeline, given: Partial<SampleRequest>, message: RegExp) => {
  await t.rejects(pipe.sample({ ...request, ...given }), { code, message }, String(message));
};

test("what doesn't go together is said before anything is computed", async (t) => {
  const plain = await open("plain");
  const cases: [Partial<SampleRequest>, RegExp][] = [
    [
      { video: film, frames: 4 },
      /^video \(3 frames of 40x32\) has 3 frames and the request 4; leave frames out, or/,
    ],
    [
      { video: film, mask: [mask, mask] },
      /^mask has 2 frames and the request 3; give a film of as many, or a single/,
    ],
    [{ video: [] }, /^video: \[\] is not allowed; it must be a film/],
    [
      { video: film, strength: 0 },
      /^strength: 0 of 4 steps is none; it must be at least 0\.25, or steps more$/,
    ],
    [{ video: film, strength: 0.2 }, /^strength: 0\.2 of 4 steps is none/],
    [{ video: film, strength: 1.5 }, /^strength: 1\.5 is not allowed; it must be a number from 0 to 1$/],
    [{ strength: 0.5 }, /^strength: there is nothing to start from; give image or video, or leave it out$/],
    [{ image: picture, strength: 0.5, frames: 4 }, /^strength: frames without a picture start from noise/],
    [{ video: film, image: picture }, /^image: the video has all frames already; give one of the two$/],
    [{ mask }, /^mask: there is nothing that it could leave as it is; give image or video, too$/],
    [{ expand: { top: 8 } }, /^expand: there is nothing that it could leave as it is/],
    [
      { image: picture, expand: { top: 16, bottom: 16 } },
      /^expand: top and bottom are 32 pixels of 32, which/,
    ],
    [{ video: film, expand: {} }, /^expand: \{\} is not allowed; it must be whole numbers of pixels/],
    [
      { image: picture, lastImage: picture, mask, frames: 4 },
      /^lastImage: with mask image stands for all frames/,
    ],
    [{ lastImage: picture, frames: 1 }, /^lastImage: a single frame has no last one/],
    [{ video: film, mask: { data: new Uint8Array(size), width, height } }, /^mask: nothing in it is white/],
    [{ video: film, instruction: "b" }, /^instruction: the prompt says already what is wanted/],
  ];
  for (const [given, message] of cases) await refuses(t, plain, given, message);
  await t.rejects(plain.sample({ ...request, prompt: undefined as never, instruction: "b" }), {
    code,
    message: /^instruction: it is for models that edit/,
  });
  const still = await open("plain", "still");
  await refuses(t, still, { video: film }, /^frames: 3 is not allowed; it must be 1 without motion modules$/);
  await refuses(t, still, { image: picture, lastImage: picture }, /^lastImage: there are no motion modules/);
  const editing = await open("editing");
  await refuses(t, editing, { video: film, mask }, /^mask: this model edits all of a picture; leave it out$/);
  await refuses(
    t,
    editing,
    { video: film, strength: 0.5 },
    /^strength: this model starts from noise; leave it out$/,
  );
  const inpainting = await open("inpainting");
  await refuses(
    t,
    inpainting,
    { video: film },
    /^mask is missing: this model paints the white part of a mask anew$/,
  );
});

test("films by the command line", async (t) => {
  const { base, motion } = writeSmallModel("films_command");
  const folder = t.testdir();
  const frames = join(folder, "frames");
  mkdirSync(frames);
  for (const i of [0, 1, 2]) {
    writeFileSync(
      join(frames, `${i}.png`),
      png({ width: 40, height: 32, bits: 8, values: [90 * i, 20, 30] }, 3),
    );
  }
  const output = join(folder, "out.webp");
  const given = [
    "--base",
    base,
    "--motion",
    String(motion),
    "--prompt",
    "a",
    "--size",
    "40x32",
    "--steps",
    "4",
    "-q",
  ];
  const run = (...flags: string[]) => cameo(["sample", ...given, "--device", "cpu", ...flags, "-o", output]);
  const { code, stderr } = await run("--video", frames, "--strength", "0.5", "--expand", "8:8:0:0");
  t.equal(code, 0, stderr);
  t.equal((await readVideo(output)).count, 3);
  const wrong: [string[], RegExp][] = [
    [
      ["--video", frames, "--frames", "4"],
      /^cameo: (--)?video ".*frames" has 3 frames and the request 4; leave/,
    ],
    [["--video", join(folder, "none.mp4")], /^cameo: (--)?video ".*none\.mp4" can't be read: no such file/],
    [["--expand", "8:8"], /It must be pixels on the left, right, top and bottom, as in 64:64:0:0\./],
  ];
  for (const [flags, message] of wrong) t.match((await run(...flags)).stderr, message);
});

test("all models are closed", async () => {
  for (const pipe of loaded.values()) await (await pipe).close();
});
