import { join } from "node:path";
import type { SampleRequest } from "cameo";
import t, { type Test } from "tap";
import { nativeOptions } from "#ts/options/sample.js";
import { runProbe } from "../../support/probes.js";
import { readSafetensors } from "../../support/safetensors.js";
import { drawInput } from "../../support/tensors.js";

const vae = {
  block_out_channels: [8, 8, 8],
  latent_channels: 4,
  layers_per_block: 1,
  norm_num_groups: 4,
  temporal_compression_ratio: 4,
  down_block_types: Array(3).fill("CogVideoXDownBlock3D"),
  up_block_types: Array(3).fill("CogVideoXUpBlock3D"),
};
const size = { width: 24, height: 16 };

function optionsOf(request: Partial<SampleRequest>): string {
  return nativeOptions({ ...size, steps: 2, guidanceScale: 1, seed: 3, ...request });
}

/** How many frames and previews come, and what was saved. */
function sample(t: Test, request: Partial<SampleRequest>, config: object = {}) {
  const saveLatents = join(t.testdir(), "latents.safetensors");
  const options = optionsOf({ ...request, saveLatents });
  const { frames, previews } = runProbe("pipeline.causal_film", { vae, request: options, ...config }, {});
  const saved = readSafetensors(saveLatents);
  const shapes = Object.fromEntries(Object.entries(saved).map(([name, { shape }]) => [name, shape]));
  return { frames: frames?.data[0], previews: previews?.data[0], shapes };
}

t.test("a film has as many frames as asked, and a latent for its first and for each four more", async (t) => {
  for (const [frames, latents] of [
    [1, 1],
    [5, 2],
    [9, 3],
    [13, 4],
    [17, 5],
  ] as const) {
    const film = sample(t, { frames });
    t.equal(film.frames, frames);
    t.same(film.shapes.initial_noise, [1, latents, 4, 4, 6]);
    t.same(film.shapes.latents, [2, 1, latents, 4, 4, 6]);
  }
});

t.test("latents before the film's own are sampled and left out of it", async (t) => {
  const film = sample(t, { frames: 9 }, { leading: 2 });
  t.equal(film.frames, 9);
  t.same(film.shapes.latents, [2, 1, 5, 4, 4, 6]);
});

t.test("a step's preview is one of its latents", async (t) => {
  t.equal(sample(t, { frames: 9, preview: true }).previews, 2);
});

t.test("another film is encoded as a whole where it is what is started from", async (t) => {
  const film = sample(t, { frames: 9, strength: 0.5 }, { video: 9 });
  t.equal(film.frames, 9);
  t.same(film.shapes.film_latents, [1, 3, 4, 4, 6]);
  t.same(film.shapes.latents, [1, 1, 3, 4, 4, 6]);
});

t.test("other counts of frames are refused, with the nearest that are allowed", async (t) => {
  for (const [frames, below, above] of [
    [2, 1, 5],
    [8, 5, 9],
    [16, 13, 17],
    [50, 49, 53],
  ] as const) {
    t.throws(() => sample(t, { frames }), {
      code: "ERR_INVALID_OPTION",
      message: new RegExp(`^frames: ${frames} is not allowed; .* ${below} and ${above} are the nearest$`),
    });
  }
});

t.test("pictures are handed out chunk by chunk, by tiles at the end", async (t) => {
  const roundTrip = (frames: number, tiled = false) => {
    const inputs = { frames: drawInput("frames", { shape: [frames, 3, 16, 24], scale: 1 }, 5) };
    const tiles = { sample_height: 24, sample_width: 32 };
    const config = { vae: { ...vae, ...tiles }, tiled };
    const { latents, portions } = runProbe("pipeline.causal_round_trip", config, inputs);
    return { latents: latents?.shape, portions: [...(portions?.data ?? [])] };
  };
  t.same(roundTrip(1), { latents: [1, 4, 4, 6], portions: [1] });
  t.same(roundTrip(17), { latents: [5, 4, 4, 6], portions: [9, 8] });
  t.same(roundTrip(21), { latents: [6, 4, 4, 6], portions: [5, 8, 8] });
  t.same(roundTrip(17, true), { latents: [5, 4, 4, 6], portions: [17] });
});

t.test("a film's length doesn't make its memory grow, its size does", async (t) => {
  const tiled = (frames: number, side: number) => {
    const request = optionsOf({ frames, width: side, height: side });
    const maxMemory = 128 * 2 ** 20 + 2 ** 25;
    const config = { vae: { ...vae, sample_height: 128, sample_width: 128 }, request, maxMemory };
    return runProbe("pipeline.causal_memory", config, {}).tiled?.data[0];
  };
  t.equal(tiled(9, 128), 0);
  t.equal(tiled(49, 128), 0);
  t.equal(tiled(9, 256), 1);
});
