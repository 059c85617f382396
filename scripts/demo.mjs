// The main job with the model that ships: a picture and a sentence in, a video out, as `cameo sample` does it.
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [reference, prompt, output] = ["examples/critter.png", "a critter runs on a beach", "out.mp4"];

process.chdir(root);
const options = ["--reference", reference, "--prompt", prompt, "--seed", "42", "--output", output];
const command = [join("dist", "cli", "main.js"), "sample", ...options];
const { status } = spawnSync(process.execPath, command, { stdio: ["ignore", "ignore", "inherit"] });
process.exitCode = status ?? 1;
if (process.exitCode === 0) console.log(`A video of ${reference}, "${prompt}": ${join(root, output)}`);
