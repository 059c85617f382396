import { Command } from "commander";
import { inspectPath } from "../inspect_path.js";
import { type Inspection, trainedOn } from "../inspection.js";
import { shortened } from "../quote.js";
import { pathOfModel } from "./hub_path.js";
import { interruptible } from "./interrupt.js";
import { createReporter } from "./progress.js";

interface InspectFlags {
  keys?: boolean;
  json?: boolean;
}

/** How many keys are shown without --keys. */
const firstKeys = 8;

const examples = `
Examples:
  $ cameo inspect models/human_pytorch_model.bin
  $ cameo inspect sd15/ --json`;

/** `cameo inspect`: what a weight file or folder is. */
export function inspectCommand(): Command {
  return new Command("inspect")
    .description("say what a weight file or folder is and which option takes it; runs nothing in it")
    .argument(
      "<path>",
      "a weight file, a pipeline's, a network's or a training run's folder, or an hf:owner/name",
    )
    .option("--keys", "list every key with its type and shape")
    .option("--json", "print everything as one JSON object")
    .option("--verbose", "print the stack of an error too")
    .addHelpText("after", examples)
    .action(inspect);
}

async function inspect(path: string, { keys, json }: InspectFlags): Promise<void> {
  // Of fetching no JSON tells: that is one object here.
  const reporter = createReporter({ quiet: json });
  const local = await interruptible((signal) => pathOfModel(path, reporter, signal)).finally(() =>
    reporter.stop(),
  );
  const inspection = await inspectPath(local);
  if (json) {
    process.stdout.write(`${JSON.stringify(inspection)}\n`);
    return;
  }
  const lines = summary(inspection, keys ? Number.POSITIVE_INFINITY : firstKeys);
  process.stdout.write(`${lines.join("\n")}\n`);
}

function summary(inspection: Inspection, keyCount: number): string[] {
  const { path, description, format, files, components = {} } = inspection;
  const lines = [
    `${printable(path)}: ${description}`,
    ...usage(inspection),
    ...(inspection.family === undefined ? [] : [row("family", inspection.family)]),
    ...origins(inspection),
    row("format", `${format}, ${files.length === 1 ? "1 file" : `${files.length} files`}`),
    row("size", sizes(inspection)),
    ...details(inspection, keyCount),
  ];
  for (const [name, component] of Object.entries(components)) {
    lines.push("", `${name}: ${component.description}`, ...origins(component), row("size", sizes(component)));
    lines.push(...details(component, Number.isFinite(keyCount) ? 0 : keyCount));
  }
  return lines;
}

/** Options and commands that work as they stand. */
function usage({ option, argument, resume, reason }: Inspection): string[] {
  const lines = resume === undefined ? [] : [row("goes on by", `cameo train ${shellWord(resume)} --resume`)];
  if (option !== null && argument !== null)
    return [row("loads with", `${option} ${shellWord(argument)}`), ...lines];
  if (lines.length > 0) return lines;
  return [row("loads with", `no option of this program${reason ? `: ${reason}` : ""}`)];
}

function origins(inspection: Inspection): string[] {
  const parts = Object.entries(trainedOn(inspection) ?? {}).flatMap(([part, origin]) => {
    if (origin === null) return [];
    return [`${part} ${origin.name}${origin.fingerprint ? ` (${origin.fingerprint})` : ""}`];
  });
  return parts.length === 0 ? [] : [row("trained on", parts.join(", "))];
}

/** As a shell takes it for one word. */
function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function details({ dtypes, metadata, keys }: Inspection, keyCount: number): string[] {
  const lines: string[] = [];
  if (dtypes) {
    const types = Object.entries(dtypes).map(([dtype, count]) => `${count} ${dtype}`);
    lines.push(row("types", types.join(", ")));
  }
  for (const [name, value] of Object.entries(metadata ?? {}).filter(([name]) => name !== "trained_on"))
    lines.push(row("metadata", `${name}: ${shortened(value)}`));
  if (!keys || keyCount === 0) return lines;
  lines.push(row("keys", ""), ...keys.slice(0, keyCount).map(keyLine));
  const more = keys.length - keyCount;
  if (more > 0) lines.push(`    ... and ${more} more; --keys lists them all`);
  return lines;
}

function keyLine({ name, dtype, shape }: { name: string; dtype: string; shape: number[] }): string {
  return `    ${printable(name)}  ${dtype} [${shape.join(", ")}]`;
}

function row(name: string, value: string): string {
  return `  ${printable(name).padEnd(12)}${printable(value)}`.trimEnd();
}

function sizes({ tensors, parameters, bytes }: Inspection): string {
  return `${tensors} tensors, ${amount(parameters, 1000, ["", " k", " M", " G"])} parameters, ${amount(bytes, 1024, [" B", " KiB", " MiB", " GiB"])}`;
}

function amount(value: number, unit: number, names: readonly string[]): string {
  const power = value === 0 ? 0 : Math.min(names.length - 1, Math.floor(Math.log(value) / Math.log(unit)));
  return `${power === 0 ? value : (value / unit ** power).toFixed(1)}${names[power]}`;
}

/** A file's own words can't drive the terminal. */
function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, "\uFFFD");
}
