import { test } from "tap";
import { EtaEstimate } from "#ts/progress.js";

test("estimates from the denoising speed, decoding included", (t) => {
  const eta = new EtaEstimate();
  t.equal(eta.update({ phase: "encode", step: 0, steps: 3 }, 0), undefined);
  t.equal(eta.update({ phase: "encode", step: 3, steps: 3 }, 500), undefined);
  t.equal(eta.update({ phase: "denoise", step: 0, steps: 10 }, 1000), undefined);
  t.equal(eta.update({ phase: "denoise", step: 1, steps: 10 }, 3000), 2 * (9 + 1.5));
  t.equal(eta.update({ phase: "denoise", step: 5, steps: 10 }, 6000), 1 * (5 + 1.5));
  t.equal(eta.update({ phase: "denoise", step: 10, steps: 10 }, 11000), 1.5);
  t.equal(eta.update({ phase: "decode", step: 0, steps: 16 }, 11000), undefined);
  t.equal(eta.update({ phase: "decode", step: 4, steps: 16 }, 13000), 6);
  t.equal(eta.update({ phase: "decode", step: 16, steps: 16 }, 19000), 0);
  t.end();
});

test("a phase that is first heard of after its first step is timed from there", (t) => {
  const eta = new EtaEstimate();
  t.equal(eta.update({ phase: "denoise", step: 1, steps: 4 }, 1000), undefined);
  t.equal(eta.update({ phase: "denoise", step: 2, steps: 4 }, 2000), 3.5);
  t.end();
});
