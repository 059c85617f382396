// Requests to the model that ships, through the public API: in each type beside the processor's frames, aborted, beyond
// the memory that may be used or that there is, and within a budget.
//
//     node bench/gpu_day/requests.mjs [--device cuda] [--small]
import { spawn } from "node:child_process";
import { once } from "node:events";
import { Pipeline } from "cameo";
import { difference } from "#ts/cli/doctor_self_test.js";
import { during, report, settings, timed } from "./check.mjs";

const { device, small } = settings();
const size = small ? { frames: 4, width: 64, height: 64, steps: 2 } : { frames: 16, steps: 10 };
const request = {
  prompt: "a critter runs on a beach",
  reference: "examples/critter.png",
  seed: 1,
  ...size,
};
/** Of 255, the mean difference from the processor's frames in fp32. */
const mostDifference = { fp32: 0.5, fp16: 4, bf16: 8 };
/** What a GPU keeps free for the request that can't fit, of all its memory. */
const leftBytes = 2 ** 31;

/** The code with which a promise rejects. */
const codeOf = (promise) =>
  promise.then(
    () => "none",
    ({ code }) => code,
  );

const sampleOn = (options) => during(Pipeline.load(options), (pipe) => timed(() => pipe.sample(request)));

async function aborted(pipe) {
  const controller = new AbortController();
  let steps = 0;
  const onProgress = ({ phase }) => phase === "denoise" && ++steps === 2 && controller.abort();
  return codeOf(pipe.sample({ ...request, steps: 500, signal: controller.signal, onProgress }));
}

/** Another process that holds all of the GPU's memory but `leftBytes`, until it is killed. */
async function holdMemory() {
  const program = `import torch, sys
free, _ = torch.cuda.mem_get_info("${device}")
held = torch.empty(free - ${leftBytes}, dtype=torch.uint8, device="${device}")
print("held", flush=True)
sys.stdin.read()`;
  const holder = spawn("python3", ["-c", program], { stdio: ["pipe", "pipe", "inherit"] });
  const [first] = await Promise.race([once(holder.stdout, "data"), once(holder, "close")]);
  if (!String(first).startsWith("held")) throw new Error("the GPU's memory could not be taken");
  return holder;
}

const checks = {
  async types() {
    const { frames: expected } = (await sampleOn({ device: "cpu", dtype: "fp32" })).value;
    const found = {};
    for (const [dtype, most] of Object.entries(mostDifference)) {
      const { value, seconds } = await sampleOn({ device, dtype });
      const off = difference(value.frames, expected);
      found[dtype] = { right: off <= most, difference: off, seconds };
    }
    return { right: Object.values(found).every(({ right }) => right), ...found };
  },
  repeated: () =>
    during(Pipeline.load({ device }), async (pipe) => {
      const [one, two] = [await pipe.sample(request), await pipe.sample(request)];
      return { right: Buffer.from(one.frames).equals(Buffer.from(two.frames)), dtype: pipe.describe().dtype };
    }),
  abort: () =>
    during(Pipeline.load({ device }), async (pipe) => {
      const code = await aborted(pipe);
      const { count } = await pipe.sample(request);
      return { right: code === "ERR_ABORTED" && count === request.frames, code };
    }),
  "too small a budget": () =>
    during(Pipeline.load({ device, maxMemory: 2 ** 27 }), async (pipe) => {
      const code = await codeOf(pipe.sample({ ...request, width: 1024, height: 1024 }));
      return { right: code === "ERR_OUT_OF_MEMORY", code };
    }),
  async "within a budget"() {
    const { frames: expected } = (await sampleOn({ device, dtype: "fp32" })).value;
    const { frames } = (await sampleOn({ device, dtype: "fp32", maxMemory: 2 ** 30 })).value;
    const off = difference(frames, expected);
    return { right: off < 0.5, difference: off };
  },
  async "out of memory"() {
    if (device === "cpu") return { right: true, skipped: "a processor's memory is not filled for a test" };
    return during(Pipeline.load({ device, dtype: "fp32" }), async (pipe) => {
      const holder = await holdMemory();
      try {
        const code = await codeOf(pipe.sample({ ...request, width: 2048, height: 2048 }));
        const { count } = await pipe.sample(request);
        return { right: code === "ERR_OUT_OF_MEMORY" && count === request.frames, code };
      } finally {
        holder.kill();
      }
    });
  },
};

const found = {};
for (const [name, check] of Object.entries(checks)) {
  found[name] = await check().catch((error) => ({
    right: false,
    error: `${error.code ?? ""} ${error.message}`,
  }));
  report({ right: Object.values(found).every(({ right }) => right), checks: found });
}
