// Writes docs/cli.md: every command and option, as the program's own help has them.
//
//   node scripts/cli-docs.mjs [--check]
//
// --check  writes nothing, and fails where the file is not what would be written
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { createProgram } = await import(join(root, "dist", "cli", "program.js"));
const { values: options } = parseArgs({ options: { check: { type: "boolean" } } });
const file = join(root, "docs", "cli.md");

const introduction = `<!-- Written by scripts/cli-docs.mjs (npm run docs), out of the program's own help. -->
# The command line

Results go to stdout, all else to stderr. With \`--json\` every event is one JSON object on a line of stdout, whose \`event\`
names it, such as \`progress\`, \`warning\`, \`done\` or \`error\`; a training run has those of
[TrainingEvent](../ts/training/events.ts), and \`inspect\` prints one object with all that it found. An error is one line that says
what helps; [troubleshooting.md](troubleshooting.md) has more on each code.

| exit code | |
| --- | --- |
| 0 | done |
| 1 | it failed |
| 2 | wrong usage: an option that is missing, unknown or not allowed |
| 130 | interrupted with Ctrl-C or SIGTERM. A second Ctrl-C doesn't wait for the running step |

| variable | |
| --- | --- |
| \`CAMEO_LIBTORCH\` | the folder of the libtorch to use: [libtorch.md](libtorch.md) |
| \`CAMEO_CACHE\` | the folder in whose subfolder \`cameo\` \`cameo libtorch install\` keeps what it fetched |
| \`HF_TOKEN\`, \`HF_HOME\` and the like | access to models on the Hugging Face hub, and where they are kept: [weights.md](weights.md#from-the-hugging-face-hub) |
| \`OMP_NUM_THREADS\` | how many threads compute on a CPU |
| \`RANK\`, \`WORLD_SIZE\` and the like | a process's place in a training run: [distributed.md](distributed.md) |
`;

/** With what was added after the options, which helpInformation() leaves out. */
function helpOf(command) {
  let text = "";
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
    getOutHelpWidth: () => 110,
    getOutHasColors: () => false,
  });
  command.outputHelp();
  return text.trimEnd();
}

function sections(command, parents) {
  const path = [...parents, command.name()];
  const own = `## ${path.join(" ")}\n\n\`\`\`text\n${helpOf(command)}\n\`\`\`\n`;
  return [own, ...command.commands.flatMap((child) => sections(child, path))];
}

const text = [introduction, ...sections(createProgram(), [])].join("\n");
if (!options.check) writeFileSync(file, text);
else if (readFileSync(file, "utf8") !== text) {
  console.error("docs/cli.md is not what the program's help says: run `npm run docs`");
  process.exitCode = 1;
}
