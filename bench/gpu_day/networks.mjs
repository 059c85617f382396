// Every layer and network of the fixtures on the device, in each type, against what diffusers and transformers compute
// and against the processor's own result in that type.
//
//     node bench/gpu_day/networks.mjs [--device cuda]
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { compare } from "../../build/test/support/compare.js";
import { drawCase, fixtures, readCase, runProbe } from "../../build/test/support/probes.js";
import { readSafetensors } from "../../build/test/support/safetensors.js";
import { report, settings } from "./check.mjs";

/** Differences, as parts of the expected values' deviation, that rounding alone may make in small networks. */
const floors = { fp32: 2e-5, fp16: 5e-3, bf16: 4e-2 };
/** How many times as far off as the processor's result in the same type the device's may be. */
const most = 3;

const { device } = settings();
const groups = ["nn", "models"];
const folders = groups.flatMap((group) =>
  readdirSync(join(fixtures, group))
    .map((name) => join(fixtures, group, name))
    .filter((folder) => existsSync(join(folder, "case.json.gz"))),
);

/** How far the outputs are from what is expected, the worst of them. */
function difference(actual, expected) {
  return Math.max(
    ...Object.entries(expected).map(([name, { data }]) => compare(actual[name].data, data).rms),
  );
}

function checkCase(folder, dtype) {
  const given = readCase(folder);
  const inputs = drawCase(given);
  const expected = readSafetensors(join(folder, "expected.safetensors"));
  // Indices and timesteps are whole numbers, which the shorter types can't all hold.
  const exact = Object.keys(given.inputs).filter((name) => {
    const { values, below } = given.inputs[name];
    return values !== undefined || below !== undefined;
  });
  const on = (where) =>
    difference(runProbe(given.probe, given.config, inputs, { device: where, dtype, exact }), expected);
  const [found, processor] = [on(device), on("cpu")];
  return { found, processor, right: found <= Math.max(floors[dtype], most * processor) };
}

const wrong = [];
const largest = {};
let checked = 0;
for (const dtype of Object.keys(floors)) {
  for (const folder of folders) {
    checked++;
    try {
      const result = checkCase(folder, dtype);
      largest[dtype] = Math.max(largest[dtype] ?? 0, result.found);
      if (!result.right) wrong.push({ folder, dtype, ...result });
    } catch (error) {
      wrong.push({ folder, dtype, error: error.message });
    }
  }
}
report({ right: wrong.length === 0, checked, largest, wrong });
