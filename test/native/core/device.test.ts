import { test } from "tap";
import { runProbe } from "../../support/probes.js";

function autoDtype(device: string, fast: boolean): string | undefined {
  return Object.keys(runProbe("core.auto_dtype", { device, fast }, {}))[0];
}

test("the type is bf16 where the device is fast in it", async (t) => {
  t.equal(autoDtype("cuda", true), "bf16");
  t.equal(autoDtype("cuda", false), "fp16", "a GPU older than compute capability 8.0");
  t.equal(autoDtype("cpu", true), "bf16");
  t.equal(autoDtype("cpu", false), "fp32");
});
