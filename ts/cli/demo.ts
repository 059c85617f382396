import { isAbsolute, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { collect, withOutputFlags } from "./flags.js";
import { type SampleFlags, sample, withSamplingFlags } from "./sample.js";

/** A character that the model that ships has never seen; it comes with the package. */
const picture = fileURLToPath(new URL("../../examples/critter.png", import.meta.url));
const defaults = { prompt: "a critter runs on a beach", output: "out.mp4", seed: 42 };

const note = `
Without options it is what \`cameo sample\` makes of examples/critter.png in cameo's own folder, of the prompt
"${defaults.prompt}" and of --seed ${defaults.seed}. It ends with the next command to try.

Examples:
  $ cameo demo
  $ cameo demo --prompt "a critter swims on a sea floor" --seed 7 -o swim.webp`;

/** `cameo demo`: a video of a picture that is there, for whoever has none yet. */
export function demoCommand(): Command {
  const command = new Command("demo")
    .description("make a video with the model that ships, of a picture that comes with it")
    .option("-p, --prompt <text>", "what the video shows", defaults.prompt)
    .option("-o, --output <file>", "where to, as of cameo sample", defaults.output)
    .option("-r, --reference <image>", "another picture than the one that comes with it", collect);
  return withOutputFlags(withSamplingFlags(command)).addHelpText("after", note).action(demo);
}

async function demo(flags: SampleFlags): Promise<void> {
  const { reference = [picture], seed = defaults.seed } = flags;
  await sample({ ...flags, reference, seed });
  if (flags.json || flags.quiet) return;
  const next = `npx cameo sample --reference ${word(place(picture))} --prompt "a critter jumps in the snow" -o out2.mp4`;
  process.stderr.write(
    `cameo: next, with another sentence, or a drawn character of yours in the picture's place:\n  ${next}\n` +
      "cameo: or by hand, in a local page:\n  npx cameo studio\n",
  );
}

/** As short as it can be typed from here. */
function place(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere.startsWith("..") || isAbsolute(fromHere) ? path : fromHere;
}

/** A path as one word of a shell's command line. */
function word(path: string): string {
  if (/^[\w./\\:-]+$/.test(path)) return path;
  return process.platform === "win32" ? `"${path}"` : `'${path.replaceAll("'", "'\\''")}'`;
}
