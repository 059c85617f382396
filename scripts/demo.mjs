// The main job on a small model: a picture and a sentence in, a video out, as `cameo sample` does it.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
process.chdir(root);
const { writeModel } = await import(join(root, "build", "test", "support", "model_folder.js"));

const prompt = "A fox dancing on a beach.";
const scheduler = { _class_name: "DDIMScheduler", beta_schedule: "linear" };
const folder = mkdtempSync(join(tmpdir(), "cameo-demo-"));
try {
  const { base, motion, subject } = writeModel(folder, { motion: "motion", subject: "subject", scheduler });
  const model = ["--base", base, "--motion", motion, "--subject", subject];
  const subjectAndText = ["--reference", "examples/reference.png", "--prompt", prompt];
  const shape = ["--frames", "8", "--size", "128x128", "--seed", "42"];
  const command = [
    join("dist", "cli", "main.js"),
    "sample",
    ...model,
    ...subjectAndText,
    ...shape,
    "--output",
    "out.mp4",
  ];
  const { status } = spawnSync(process.execPath, command, { stdio: ["ignore", "ignore", "inherit"] });
  process.exitCode = status ?? 1;
} finally {
  rmSync(folder, { recursive: true });
}
if (process.exitCode === 0) {
  console.log(`A video of examples/reference.png, "${prompt}": ${join(root, "out.mp4")}`);
  console.log("Its model is tiny and its weights are random: everything runs, and what you see is noise.");
}
