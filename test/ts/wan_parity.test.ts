import { join } from "node:path";
import { type AnyRequest, Pipeline } from "cameo";
import t, { type Test } from "tap";
import {
  assertFrames,
  assertNumbers,
  type CaseFile,
  parityFolder,
  readCase,
  requestOf,
  sample,
  skipWithout,
} from "../support/parity.js";
import { readSafetensors } from "../support/safetensors.js";
import type { Tensor, Tensors } from "../support/tensors.js";

interface WanCase extends CaseFile {
  files: { model: string };
}

const folder = parityFolder("wan-a");
t.test("Wan makes of a prompt what diffusers makes", skipWithout(folder), async (t) => {
  const file = readCase(folder) as WanCase;
  const expected = readSafetensors(join(folder, "expected.safetensors"));
  await using pipe = await Pipeline.load({
    base: join(folder, file.files.model),
    device: "cpu",
    dtype: "fp32",
  });
  t.equal(pipe.family, "wan");
  for (const run of file.runs) {
    const prefix = run.name === "" ? "" : `${run.name}/`;
    const actual = await sample(t, pipe, {
      ...requestOf(file, { ...run, steps: file.steps }),
      frames: file.frames,
    });
    for (const part of ["prompt_embeds", "negative_embeds", "initial_noise", "timesteps", "latents"]) {
      const wanted = expected[prefix + part] ?? expected[part];
      t.same(actual[part]?.shape, wanted?.shape, `${prefix}${part}: shape`);
      assertNumbers(t, actual[part], wanted, `${prefix}${part}`);
    }
    if (run.name === "") assertFrames(t, actual, expected.frames);
  }
});

interface PhantomCase extends Omit<CaseFile, "steps" | "seed"> {
  layouts: { official: string; diffusers: string };
  subject: Record<"steps" | "shift" | "image_guidance" | "text_guidance" | "seed", number> & {
    transformer: string;
    references: string[];
    references_fitted: string[];
  };
  text_to_video: Record<"steps" | "shift" | "guidance" | "seed", number>;
}

/** As many rows of states as a prompt has tokens; what stands behind them is zeros. */
function trimmed(states: Tensor | undefined, rows: number): Tensor | undefined {
  if (states === undefined) return undefined;
  const width = states.shape[2] as number;
  return { shape: [rows, width], data: states.data.slice(0, rows * width) as Tensor["data"] };
}

function assertStates(t: Test, actual: Tensors, expected: Tensors): void {
  for (const name of ["prompt_embeds", "negative_embeds"] as const) {
    const rows = expected[name]?.shape[0] as number;
    assertNumbers(t, trimmed(actual[name], rows), expected[name], name);
    t.ok([...(actual[name]?.data ?? [])].slice(rows * 32).every((value) => value === 0));
  }
}

const phantom = parityFolder("phantom-a");
for (const layout of ["official", "diffusers"] as const) {
  const place = { device: "cpu", dtype: "fp32" } as const;
  const file = () => readCase(phantom) as unknown as PhantomCase;
  const common = () => {
    const { prompt, negative_prompt: negativePrompt, width, height, frames } = file();
    return { prompt, negativePrompt, width, height, frames };
  };

  t.test(
    `Phantom makes what its released code makes, on ${layout} files`,
    skipWithout(phantom),
    async (t) => {
      const { layouts, subject } = file();
      const expected = readSafetensors(join(phantom, "expected.safetensors"));
      const base = join(phantom, layouts[layout]);
      await using pipe = await Pipeline.load({ base, subject: join(phantom, subject.transformer), ...place });
      const actual = await sample(t, pipe, {
        ...common(),
        reference: subject.references.map((name) => join(phantom, name)),
        guidanceScale: subject.text_guidance,
        imageGuidanceScale: subject.image_guidance,
        steps: subject.steps,
        seed: subject.seed,
      });
      assertStates(t, actual, expected);
      for (const name of ["reference_latents", "initial_noise", "timesteps", "latents"]) {
        assertNumbers(t, actual[name], expected[name], name);
      }
      const { data = new Float32Array() } = actual.unet_out_0 ?? {};
      const size = data.length / 3;
      ["neg_0", "pos_i_0", "pos_it_0"].forEach((name, i) => {
        const branch = { shape: [size], data: data.slice(i * size, (i + 1) * size) as Float32Array };
        assertNumbers(t, branch, expected[name], name);
      });
      assertFrames(t, actual, expected.frames);
    },
  );

  t.test(`Wan makes what ${layout} code makes, of ${layout} files`, skipWithout(phantom), async (t) => {
    const { layouts, text_to_video: run } = file();
    const expected = readSafetensors(join(phantom, "expected_t2v.safetensors"));
    await using pipe = await Pipeline.load({ base: join(phantom, layouts[layout]), ...place });
    const { steps, shift, guidance: guidanceScale, seed } = run;
    const solvers = { official: { unipc: "unipc", dpmpp: "dpmpp-2m" }, diffusers: { diffusers: "unipc" } }[
      layout
    ];
    for (const [solver, scheduler] of Object.entries(solvers)) {
      const request = { ...common(), steps, shift, guidanceScale, seed, scheduler };
      const actual = await sample(t, pipe, request as AnyRequest);
      assertStates(t, actual, expected);
      assertNumbers(t, actual.initial_noise, expected.initial_noise, "initial_noise");
      for (const name of ["timesteps", "latents"]) {
        assertNumbers(t, actual[name], expected[`${solver}.${name}`], `${solver}.${name}`);
      }
      assertFrames(t, actual, expected[`${solver}.frames`]);
    }
  });
}
