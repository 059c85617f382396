import { readFileSync } from "node:fs";
import t from "tap";
import { samplerNames } from "#ts/options/sampler_names.js";
import { runProbe } from "../../support/probes.js";

type Fields = Record<string, unknown>;

/** Each name's config: its class, and what the table of samplers says that the name fixes. */
function configsOfNames(): Record<string, Fields> {
  const lines = readFileSync("native/samplers/table.def", "utf8").matchAll(
    /^CAMEO_SAMPLER\("(.+?)", "(.+?)", \w+, \{(.*)\}\)$/gm,
  );
  const configs = [...lines].map(([, name, _class_name, fixed = ""]) => {
    const pairs = [...fixed.matchAll(/\{("\w+"), (.+?)\}/g)].map(([, key, value]) => `${key}:${value}`);
    return [name, { _class_name, ...JSON.parse(`{${pairs}}`) }];
  });
  return Object.fromEntries(configs);
}

const classes = configsOfNames();
// For less work.
Object.assign(classes["probability-flow"] as Fields, { relative_tolerance: 0.01, absolute_tolerance: 0.01 });

const fields = (
  "num_train_timesteps beta_start beta_end beta_schedule trained_betas timestep_spacing steps_offset prediction_type " +
  "rescale_betas_zero_snr snr_shift_scale thresholding clip_sample clip_sample_range eta set_alpha_to_one variance_type skip_prk_steps " +
  "interpolation_type final_sigmas_type timestep_type sigma_min sigma_max use_karras_sigmas use_exponential_sigmas " +
  "use_beta_sigmas use_lu_lambdas use_flow_sigmas flow_shift shift shift_terminal algorithm_type solver_type solver_order " +
  "lower_order_final euler_at_final lambda_min_clipped predict_x0 disable_corrector solver_p timestep_scaling " +
  "original_inference_steps langevin_steps step_size corrector_steps corrector_snr relative_tolerance absolute_tolerance " +
  "dynamic_rescale dynamic_rescale_steps"
).split(" ");

const values = [
  ...[-1, 0, 0.5, 1, 2, 3, 9, 1000, 100_000, 1e-30, 1e30, -1e30, 1e308, Number.MAX_SAFE_INTEGER],
  ...[
    "",
    "x",
    "NaN",
    "Infinity",
    "-Infinity",
    true,
    false,
    [],
    {},
    [1e300],
    [-1],
    [0.1, 0.2],
    [0, 0.5],
    [0.5],
  ],
  ...["v_prediction", "sample", "flow_prediction", "trailing", "leading", "linspace", "sigma_min", "heun"],
  ...[
    "squaredcos_cap_v2",
    "sigmoid",
    "scaled_linear",
    "dpmsolver",
    "sde-dpmsolver",
    "log_linear",
    "continuous",
  ],
];

/** Pseudorandom whole numbers, the same ones every time. */
function createDraw(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Undefined where a sampler made finite numbers of the config, or refused it with the right code; else what went wrong. */
function problemOf(scheduler: Fields, steps: number): string | undefined {
  try {
    const { x } = runProbe("samplers.hostile", { scheduler, steps }, {});
    return x?.data.every(Number.isFinite) ? undefined : "the result is not finite";
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    return code === "ERR_INVALID_OPTION" ? undefined : `${code}: ${message}`;
  }
}

t.test("every sampler makes finite numbers of a hostile config, or refuses it", async (t) => {
  t.same(Object.keys(classes), [...samplerNames]);
  for (const [name, config] of Object.entries(classes)) {
    const draw = createDraw(name.length);
    for (let round = 0; round < 120; round++) {
      const changed: Fields = { ...config };
      for (let i = draw(3); i >= 0; i--)
        changed[fields[draw(fields.length)] as string] = values[draw(values.length)];
      const steps = [1, 2, 3, 5, 20][draw(5)] as number;
      const problem = problemOf(changed, steps);
      if (problem) t.fail(`${JSON.stringify(changed)}, ${steps} steps: ${problem}`);
    }
  }
});

t.test(
  "every field of every sampler with every value",
  { skip: !process.env.CAMEO_HOSTILE && "CAMEO_HOSTILE is not set" },
  async (t) => {
    for (const config of Object.values(classes)) {
      for (const field of fields) {
        for (const value of values) {
          for (const steps of [1, 5]) {
            const problem = problemOf({ ...config, [field]: value }, steps);
            if (problem)
              t.fail(`${JSON.stringify({ ...config, [field]: value })}, ${steps} steps: ${problem}`);
          }
        }
      }
    }
  },
);

t.test("every sampler takes few steps and as many as there are timesteps, or says how many", async (t) => {
  for (const config of Object.values(classes)) {
    for (const timestep_spacing of ["linspace", "leading", "trailing"]) {
      for (const num_train_timesteps of [1, 2, 40]) {
        const given = {
          ...config,
          timestep_spacing,
          num_train_timesteps,
          steps_offset: num_train_timesteps > 1 ? 1 : 0,
        };
        for (const steps of [1, 2, num_train_timesteps - 1, num_train_timesteps]) {
          if (steps < 1 || steps > num_train_timesteps) continue;
          const problem = problemOf(given, steps);
          if (problem) t.fail(`${JSON.stringify(given)}, ${steps} steps: ${problem}`);
        }
      }
    }
  }
});
