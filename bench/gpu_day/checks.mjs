// The checks of a GPU day in their order: (a) what is right, (b) how fast it is, (c) training of the model that ships.
import { fileURLToPath } from "node:url";

const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const script =
  (name) =>
  ({ device, small, folder, seconds }) => [
    process.execPath,
    path(name),
    ...["--device", device, ...(small ? ["--small"] : []), "--folder", folder, "--seconds", String(seconds)],
  ];
const python =
  (name, ...flags) =>
  ({ device, small }) => ["python3", path(name), ...flags, "--device", device, ...(small ? ["--small"] : [])];
const kernels =
  (name, ...flags) =>
  ({ folder }) => [
    "python3",
    path(`../cuda/${name}.py`),
    ...["--library", "build/Release/cameo_cuda.so", "--out", `${folder}/${name}.json`, ...flags],
  ];

/** What the checks of a part may take together, s; the last part has the rest. */
export const partSeconds = { a: 180, b: 240, c: Number.POSITIVE_INFINITY };

/** Each with the most seconds that it may take. */
export const checks = [
  { part: "a", name: "doctor", seconds: 40, command: () => [process.execPath, "bin/cameo.js", "doctor"] },
  { part: "a", name: "pisa", seconds: 40, needsGpu: true, command: kernels("pisa", "--check-only") },
  {
    part: "a",
    name: "group-norm",
    seconds: 30,
    needsGpu: true,
    command: kernels("group_norm", "--check-only"),
  },
  { part: "a", name: "networks", seconds: 60, command: script("networks.mjs") },
  { part: "a", name: "pipelines", seconds: 30, command: script("pipelines.mjs") },
  { part: "a", name: "requests", seconds: 80, command: script("requests.mjs") },
  { part: "a", name: "training", seconds: 80, command: script("training.mjs") },
  { part: "a", name: "collectives", seconds: 20, command: script("collectives.mjs") },
  { part: "b", name: "speed", seconds: 90, command: script("speed.mjs") },
  { part: "b", name: "diffusers", seconds: 60, command: python("diffusers_speed.py") },
  { part: "b", name: "pisa-speed", seconds: 60, needsGpu: true, command: kernels("pisa") },
  {
    part: "b",
    name: "diffusers-compiled",
    seconds: 90,
    needsGpu: true,
    command: python("diffusers_speed.py", "--compile"),
  },
  { part: "c", name: "model", seconds: 600, command: script("model.mjs") },
];
