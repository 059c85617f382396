import { Command } from "commander";
import { openAddon } from "../addon.js";
import { errorsOf } from "../errors.js";
import type { Inspection } from "../inspection.js";

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
    .argument("<path>", "a weight file, a pipeline's folder or a network's folder")
    .option("--keys", "list every key with its type and shape")
    .option("--json", "print everything as one JSON object")
    .option("--verbose", "print the stack of an error too")
    .addHelpText("after", examples)
    .action(inspect);
}

async function inspect(path: string, { keys, json }: InspectFlags): Promise<void> {
  const text = await openAddon({ cuda: false }).inspect(path).catch(throwTyped(inspect));
  if (json) {
    process.stdout.write(`${text}\n`);
    return;
  }
  const lines = summary(JSON.parse(text) as Inspection, keys ? Number.POSITIVE_INFINITY : firstKeys);
  process.stdout.write(`${lines.join("\n")}\n`);
}

// biome-ignore lint/complexity/noBannedTypes: as errorsOf takes it.
function throwTyped(boundary: Function): (error: unknown) => never {
  const toError = errorsOf(boundary);
  return (error) => {
    throw toError(error);
  };
}

function summary(inspection: Inspection, keyCount: number): string[] {
  const { path, description, option, format, files, components = {} } = inspection;
  const lines = [
    `${path}: ${description}`,
    row("loads with", option ? `${option} ${path}` : "no option of this program"),
    row("format", `${format}, ${files.length === 1 ? "1 file" : `${files.length} files`}`),
    row("size", sizes(inspection)),
    ...details(inspection, keyCount),
  ];
  for (const [name, component] of Object.entries(components)) {
    lines.push("", `${name}: ${component.description}`, row("size", sizes(component)));
    lines.push(...details(component, Number.isFinite(keyCount) ? 0 : keyCount));
  }
  return lines;
}

function details({ dtypes, metadata, keys }: Inspection, keyCount: number): string[] {
  const lines: string[] = [];
  if (dtypes) {
    const types = Object.entries(dtypes).map(([dtype, count]) => `${count} ${dtype}`);
    lines.push(row("types", types.join(", ")));
  }
  for (const [name, value] of Object.entries(metadata ?? {}))
    lines.push(row("metadata", `${name}: ${value}`));
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
