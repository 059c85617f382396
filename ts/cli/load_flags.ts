import { type Command, InvalidArgumentError, Option } from "commander";
import type { Shape } from "../options/kinds.js";
import {
  type AnyLoadOption,
  type EmbeddingFile,
  type LoadOptionName,
  type LoadOptions,
  loadEntries,
} from "../options/load_options.js";
import type { Lora } from "../options/lora.js";
import { bytes, collect, flagHelp } from "./flags.js";

/** The flags that name a model and say how it computes, as commander gives them. */
export type LoadFlags = { [Name in LoadOptionName]?: unknown };

/** Of the embedding before it, whose path may have any character that a token has. */
class TokenFlag extends Option {
  constructor() {
    super("--embedding-token <token>", "what stands in prompts for the --embedding before it");
    this.argParser<EmbeddingFile[]>((token, previous = []) => {
      const last = previous.at(-1);
      if (last === undefined || last.token !== undefined)
        throw new InvalidArgumentError("It goes behind the --embedding that it is for.");
      return [...previous.slice(0, -1), { ...last, token }];
    });
  }

  override attributeName(): string {
    return "embedding";
  }
}

/** Other kinds are what was typed. */
const parsers: { [Kind in Shape["kind"]]?: (text: string, previous: unknown) => unknown } = {
  paths: (text, previous) => collect(text, previous as string[] | undefined),
  devices: (text, previous) => collect(text, previous as string[] | undefined),
  loras: (text, previous) => [...((previous as Lora[] | undefined) ?? []), loraOf(text)],
  embeddings: (path, previous) => [...((previous as EmbeddingFile[] | undefined) ?? []), { path }],
  bytes,
};

/** "style.safetensors:0.8"; what is behind another colon than a number's is the path's, as in C:\\style.safetensors. */
function loraOf(text: string): Lora {
  const [, path = text, scale] = /^(.+):([+-]?(?:\d+\.?\d*|\.\d+))$/.exec(text) ?? [];
  return scale === undefined ? { path } : { path, scale: Number(scale) };
}

/** Adds the flags of the table of load options, in its order, or of those that `isWanted` picks. */
export function withLoadFlags(
  command: Command,
  isWanted: (name: LoadOptionName, entry: AnyLoadOption) => unknown = () => true,
): Command {
  for (const [name, entry] of loadEntries) {
    if (entry.flag === undefined || !isWanted(name, entry)) continue;
    const option = new Option(entry.flag, flagHelp(entry));
    const parse = parsers[entry.value.kind];
    command.addOption(parse ? option.argParser<unknown>(parse) : option);
    if (entry.value.kind === "embeddings") command.addOption(new TokenFlag());
  }
  return command;
}

/** What the flags that were given say of a model. */
export function loadOptionsOf(flags: LoadFlags): LoadOptions {
  const given = loadEntries.flatMap(([name, { flag }]) => {
    const value = flag && (flags as Record<string, unknown>)[new Option(flag).attributeName()];
    return value === undefined ? [] : [[name, value]];
  });
  return Object.fromEntries(given) as LoadOptions;
}
