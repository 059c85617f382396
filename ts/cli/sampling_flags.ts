import { Option } from "commander";
import type { Shape } from "../options/kinds.js";
import {
  type AnyOption,
  type OptionName,
  optionEntries,
  type SampleRequest,
} from "../options/sample_options.js";
import {
  collect,
  context,
  control,
  flagHelp,
  freeInit,
  imagePromptScales,
  keyframe,
  margins,
  number,
  range,
  size,
} from "./flags.js";

type Entry = readonly [OptionName, AnyOption];

/** The table's flags, each with the options that it gives. */
const entriesOfFlags = new Map<string, Entry[]>();
for (const entry of optionEntries) {
  const { flag } = entry[1];
  if (flag !== undefined) entriesOfFlags.set(flag, [...(entriesOfFlags.get(flag) ?? []), entry]);
}

/** Of the options in the table that have a flag. */
export function optionFlags(): Option[] {
  return [...entriesOfFlags].map(([flag, entries]) => {
    const option = new Option(flag, flagHelp((entries[0] as Entry)[1]));
    const parse = entries.length === 2 ? size : parsers[(entries[0] as Entry)[1].value.kind];
    return parse ? option.argParser<never>(parse as (text: string, previous: never) => never) : option;
  });
}

/** What the flags that were given, as commander names them, say of a request. */
export function optionsOfFlags(flags: object): Partial<SampleRequest> {
  const options = [...entriesOfFlags].flatMap(([flag, entries]) => {
    const value = (flags as Record<string, unknown>)[new Option(flag).attributeName()];
    if (value === undefined) return [];
    return entries.map(([name], i) => [name, entries.length === 2 ? (value as unknown[])[i] : value]);
  });
  return Object.fromEntries(options);
}

/** Other kinds are what was typed. */
const parsers: { [Kind in Shape["kind"]]?: (text: string, previous: never) => unknown } = {
  ...{ whole: number, number, range, context, freeInit, margins, controls: control, keyframes: keyframe },
  pictures: (text, previous: string[] | undefined) => collect(text, previous),
  imagePromptScales,
};
