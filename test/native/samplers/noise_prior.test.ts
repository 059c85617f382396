import { test } from "tap";
import { testCases } from "../../support/cases.js";
import { runProbe } from "../../support/probes.js";

testCases("samplers", "noise_prior");

test("noise of a loop is correlated the shorter way around", (t) => {
  for (const [frames, correlation] of [
    [8, 0.9],
    [7, 0.5],
    [2, 0.95],
    [1, 0.95],
  ] as const) {
    // Of the identity: what each frame's own numbers are mixed by.
    const data = new Float32Array(frames * frames).map((_, i) => (i % (frames + 1) === 0 ? 1 : 0));
    const noise = { shape: [frames, frames], data };
    const mixed = runProbe("samplers.loop_noise", { correlation }, { noise }).noise?.data ?? [];
    for (let i = 0; i < frames; i++) {
      for (let j = 0; j < frames; j++) {
        let covariance = 0;
        for (let k = 0; k < frames; k++)
          covariance += Number(mixed[i * frames + k]) * Number(mixed[j * frames + k]);
        const apart = Math.min(Math.abs(i - j), frames - Math.abs(i - j));
        t.ok(Math.abs(covariance - correlation ** apart) < 1e-5, `${frames} frames: ${i}, ${j}`);
      }
    }
  }
  t.end();
});
