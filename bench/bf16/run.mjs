// bf16 against fp32, full size, on a processor with AMX: times, memory and how far the last latents are apart; both in turn,
// each time in a process of its own. Writes bench/results/bf16.json and .webp, and exits with 1 where the bound is broken.
//
//     pip install -r bench/requirements.txt && python bench/full_size/make_model.py FOLDER --subject
//     node bench/bf16/run.mjs FOLDER [--repeats 3] [--steps 3] [--only animatediff,subject,plain]
//
// AMX computes fp32's products, too; in the case "plain" fp32 is by libtorch's kernels, which compute it by AVX-512.
// The machine should have nothing else to do, and 9 GiB of memory free.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compareSides, readOptions } from "../comparison.mjs";

const { options, positionals } = readOptions({ steps: "3", frames: "16", size: "256" });
const { steps, frames, size } = options;
const folder = await mkdtemp(join(tmpdir(), "cameo-bf16-"));
const latentsOf = (dtype) => join(folder, `${dtype}.safetensors`);

function sidesWith(flags, ofFp32 = []) {
  const settings = [...positionals, "--steps", steps, "--frames", frames, "--size", size, ...flags];
  const script = [process.execPath, "full_size/cameo_sample.mjs", ...settings];
  const side = (dtype) => [...script, "--dtype", dtype, "--latents", latentsOf(dtype)];
  return { bf16: side("bf16"), fp32: [...side("fp32"), ...ofFp32] };
}

async function readLatents(file) {
  const bytes = await readFile(file);
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const { latents } = JSON.parse(bytes.toString("utf8", 8, start));
  if (latents?.dtype !== "F32") throw new Error(`${file}: its latents are not fp32`);
  const [from, to] = latents.data_offsets;
  return new Float32Array(Uint8Array.prototype.slice.call(bytes, start + from, start + to).buffer);
}

/** Root of the mean square of a's difference from b, in b's. */
function relativeDifference(a, b) {
  let difference = 0;
  let whole = 0;
  for (const [i, value] of b.entries()) {
    difference += (a[i] - value) ** 2;
    whole += value ** 2;
  }
  return Math.sqrt(difference / whole);
}

async function compareLatents(name) {
  const latentsApart = relativeDifference(
    await readLatents(latentsOf("bf16")),
    await readLatents(latentsOf("fp32")),
  );
  console.log(`${name}: the last latents are ${(100 * latentsApart).toFixed(1)} % apart (rms)`);
  return { latentsApart };
}

const bounds = { evaluationSeconds: 0.35 };
try {
  await compareSides({
    name: "bf16",
    title: "bf16: part of fp32's time and memory",
    cases: {
      animatediff: { sides: sidesWith([]), bounds },
      subject: { sides: sidesWith(["--pisa"]), bounds },
      plain: { sides: sidesWith(["--pisa"], ["--kernels", "plain"]), bounds: {} },
    },
    measures: {
      evaluationSeconds: "a UNet evaluation, s",
      decodeSeconds: "decoding all frames, s",
      sampleSeconds: "whole job, s",
      samplePeakBytes: "peak while sampling, GiB",
    },
    options,
    further: compareLatents,
  });
} finally {
  await rm(folder, { recursive: true, force: true });
}
