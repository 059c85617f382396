import { test } from "tap";
import { EtaEstimate, PhaseClock } from "#ts/progress.js";

test("estimates from the denoising speed, decoding included", (t) => {
  const eta = new EtaEstimate();
  t.equal(eta.update({ phase: "encode", step: 1, steps: 2 }, 0), undefined);
  t.equal(eta.update({ phase: "encode", step: 2, steps: 2 }, 1000), undefined);
  t.equal(eta.update({ phase: "denoise", step: 1, steps: 10 }, 3000), 2 * (9 + 1.5));
  t.equal(eta.update({ phase: "denoise", step: 5, steps: 10 }, 6000), 1 * (5 + 1.5));
  t.equal(eta.update({ phase: "denoise", step: 10, steps: 10 }, 11000), 1.5);
  t.equal(eta.update({ phase: "decode", step: 4, steps: 16 }, 13000), 6);
  t.equal(eta.update({ phase: "decode", step: 16, steps: 16 }, 19000), 0);
  t.end();
});

test("what is heard of first is timed from there", (t) => {
  const clock = new PhaseClock();
  t.equal(clock.update({ phase: "load", step: 3, steps: 9 }, 1000), undefined);
  t.equal(clock.update({ phase: "load", step: 7, steps: 9 }, 2000), 0.25);
  t.equal(clock.update({ phase: "encode", step: 0, steps: 2 }, 2500), undefined);
  t.equal(clock.update({ phase: "encode", step: 1, steps: 2 }, 4000), 2);
  t.end();
});
