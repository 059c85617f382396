import { join } from "node:path";
import { test } from "tap";
import { nativeOptions } from "#ts/options/sample.js";
import { assertClose } from "../../support/compare.js";
import { adapter, kohya } from "../../support/loras.js";
import { runProbe } from "../../support/probes.js";
import { writeSafetensors } from "../../support/safetensors.js";
import { writeSmallModel } from "../../support/small_model.js";
import type { Tensor } from "../../support/tensors.js";
import { writeVideoModel } from "../../support/video_model.js";

const model = writeSmallModel("memory_plan");
/** What kernels need beside a network's tensors. */
const kernels = 128 * 2 ** 20;

interface Work {
  frames: number;
  size: number;
  guidance?: number;
  steps?: number;
  cacheInterval?: number;
}

function optionsOf({ frames, size, guidance = 8, steps = 30, cacheInterval = 1 }: Work): string {
  const square = { width: size, height: size };
  return nativeOptions({ frames, ...square, guidanceScale: guidance, steps, cacheInterval, seed: 0 });
}

function plan({ maxMemory, lora, ...work }: Work & { maxMemory?: number; lora?: string }) {
  const request = optionsOf(work);
  const { halves_apart, tiled } = runProbe(
    "pipeline.memory_plan",
    { ...model, request, maxMemory, lora },
    {},
  );
  return { apart: halves_apart?.data[0] === 1, tiled: tiled?.data[0] === 1 };
}

test("a budget changes as little as it has to", (t) => {
  // The UNet's outermost level has 8 channels: 16 tensors of 16 frames and a reference at 8x8, 4 bytes each.
  const half = 16 * 17 * 8 * 8 * 8 * 4;
  const request = { frames: 16, size: 64 };
  t.same(plan(request), { apart: false, tiled: false });
  t.same(plan({ ...request, maxMemory: kernels + 2 * half }), { apart: false, tiled: false });
  t.same(plan({ ...request, maxMemory: kernels + 2 * half - 1 }), { apart: true, tiled: false });
  t.same(plan({ ...request, maxMemory: kernels + half }), { apart: true, tiled: false });
  t.same(plan({ ...request, guidance: 1, maxMemory: kernels + half }), { apart: false, tiled: false });
  const refused = {
    code: "ERR_OUT_OF_MEMORY",
    message:
      /^maxMemory: [\d.]+ MB are allowed and this request needs some [\d.]+ MB in fp32: allow more, or ask for fewer frames, a smaller size or dtype bf16$/,
  };
  t.throws(() => plan({ ...request, maxMemory: kernels + half - 1 }), refused);
  t.throws(() => plan({ ...request, guidance: 1, maxMemory: kernels + half - 1 }), refused);
  t.end();
});

test("as many frames are decoded together as fit", (t) => {
  const base = writeVideoModel("memory_plan_video");
  const together = (maxMemory: number) => {
    const request = optionsOf({ frames: 3, size: 80, guidance: 1, steps: 1 });
    const result = runProbe("pipeline.decoded_together", { base, request, maxMemory }, {});
    return [result.together?.data[0], result.tiled?.data[0]];
  };
  // The decoder's second level has 64 channels at full size: 4 tensors of a frame.
  const frame = 4 * 80 * 80 * 64 * 4;
  t.same(together(kernels + 3 * frame), [0, 0], "all");
  t.same(together(kernels + 3 * frame - 1), [2, 0]);
  t.same(together(kernels + 2 * frame), [2, 0]);
  t.throws(() => together(kernels + frame), { code: "ERR_OUT_OF_MEMORY" }, "not even the UNet fits");
  t.end();
});

test("what LoRAs have changed is kept on the CPU and counts", (t) => {
  const layer = { name: "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q", shape: [8, 8] };
  const { down, up } = adapter(layer, { rank: 2 });
  const [ofDown, ofUp] = kohya(layer.name);
  const lora = join(t.testdir(), "lora.safetensors");
  writeSafetensors(lora, { [ofDown]: down, [ofUp]: up });
  const work = { frames: 16, size: 64, lora };
  const maxMemory = kernels + 2 * 16 * 17 * 8 * 8 * 8 * 4;
  t.same(plan({ ...work, maxMemory }), { apart: true, tiled: false });
  t.same(plan({ ...work, maxMemory: maxMemory + 4 * 8 * 8 }), { apart: false, tiled: false });
  t.end();
});

test("pictures that are too large are decoded in tiles", (t) => {
  const request = { frames: 1, size: 512, guidance: 1 };
  t.same(plan({ ...request, maxMemory: kernels + 2 ** 25 }), { apart: false, tiled: false });
  t.same(plan({ ...request, maxMemory: kernels + 2 ** 23 }), { apart: false, tiled: true });
  t.end();
});

test("a picture is reconstructed within the budget, by tiles where it has to be", (t) => {
  const reconstruct = (maxMemory?: number) => {
    const { picture } = runProbe("pipeline.reconstruct", { ...model, size: 512, maxMemory }, {});
    return Buffer.from(picture?.data as Uint8Array);
  };
  const whole = reconstruct();
  t.ok(reconstruct(kernels + 2 ** 25).equals(whole));
  t.notOk(reconstruct(kernels + 2 ** 23).equals(whole), "tiles make a difference");
  t.throws(() => reconstruct(kernels), {
    code: "ERR_OUT_OF_MEMORY",
    message: /^maxMemory: [\d.]+ MB are allowed and .* in fp32: allow more, or ask for a smaller picture$/,
  });
  t.end();
});

test("guidance's halves one after the other give what they give together", (t) => {
  const request = optionsOf({ frames: 4, size: 32, steps: 3, cacheInterval: 2 });
  const { apart, together } = runProbe("pipeline.halves_apart", { ...model, request }, {});
  assertClose(t, apart, together as Tensor, 1e-5, "predictions");
  t.end();
});

test("weights visit a device and come home", (t) => {
  const { away, back } = runProbe("pipeline.device_visit", {}, {});
  t.same([away?.data[0], back?.data[0]], [1, 1]);
  t.end();
});
