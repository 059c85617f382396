import { test } from "tap";
import { closestName } from "#ts/options/closest.js";

test("finds the name that was meant", (t) => {
  const names = ["seed", "steps", "guidanceScale", "referenceNoise", "referenceNoiseMode"];
  t.equal(closestName("step", names), "steps");
  t.equal(closestName("SEED", names), "seed");
  t.equal(closestName("guidance_scale", names), "guidanceScale");
  t.equal(closestName("referenceNoiseMod", names), "referenceNoiseMode");
  t.equal(closestName("refrenceNoise", names), "referenceNoise");
  t.equal(closestName("temperature", names), undefined);
  t.equal(closestName("x", []), undefined);
  t.end();
});
