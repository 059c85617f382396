import { byteText } from "../byte_text.js";
import type { MemoryPlan } from "../memory_plan.js";
import type { LoadOptions } from "../options/load_options.js";
import type { SampleRequest } from "../options/sample_options.js";
import { Pipeline } from "../pipeline.js";
import { interruptible } from "./interrupt.js";
import { type OutputOptions, printEvent } from "./output.js";

/** Says on stdout what a request would need of memory. The files are read but for their weights. */
export async function dryRun(flags: OutputOptions, load: LoadOptions, request: SampleRequest): Promise<void> {
  const { device = "auto", dtype = "auto", parallelDevices: _, ...files } = load;
  const isOfGpu = device.startsWith("cuda");
  // A GPU need not be there, and this machine can't know then what one computes in.
  const place = isOfGpu
    ? ({ device: "cpu", dtype: dtype === "auto" ? "bf16" : dtype } as const)
    : { device, dtype };
  await interruptible(async (signal) => {
    await using pipe = await Pipeline.load({ ...files, ...place, headersOnly: true, signal });
    const described = pipe.describe();
    const plan = await pipe.plan({ ...request, signal }, isOfGpu ? { device: "cuda" } : {});
    if (flags.json) printEvent("plan", { ...plan, family: described.family, dtype: described.dtype });
    else process.stdout.write(planText(plan, isOfGpu ? "a GPU" : "the processor", described.dtype));
  });
}

function planText(plan: MemoryPlan, place: string, dtype: string): string {
  const ways = [
    ...(plan.branchesApart ? ["guidance's halves one after the other"] : []),
    ...(plan.vaeTiling ? ["the VAE by tiles"] : []),
  ];
  const rows = [
    ["memory", `${byteText(plan.total)} of ${place} in ${dtype}, by an estimate`],
    ["weights", byteText(plan.weights)],
    ["denoising", `${byteText(plan.denoiser)} more`],
    ["decoding", `${byteText(plan.decoder)} more`],
    ["computed", ways.length === 0 ? "all at once" : ways.join(", ")],
  ];
  return rows.map(([name = "", text]) => `${name.padEnd(10)} ${text}\n`).join("");
}
