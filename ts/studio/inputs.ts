import type { Shape } from "../options/kinds.js";
import { optionEntries } from "../options/sample_options.js";
import type { InputName, Inputs } from "./protocol.js";

/** An order's single pictures and films, and what their copies are called, without an ending. */
export const inputNames: Readonly<Record<InputName, string>> = {
  image: "first",
  lastImage: "last",
  video: "start",
  mask: "mask",
};

/** What can't name a file: only options of these kinds are passed on as a page sends them. */
const plainKinds: ReadonlySet<Shape["kind"]> = new Set([
  ...(["prompt", "text", "whole", "number", "choice", "switch", "context"] as const),
]);

/** The options with a field in the studio that are no pictures or films. */
export const plainOptions = optionEntries.filter(
  ([, { label, value }]) => label !== undefined && plainKinds.has(value.kind),
);

/** Called with each id or name, what its copy is called, and the option that errors name. */
export type Replace = (input: string, copy: string, option: string) => string;

/** The same inputs with other ids or names, in their order. */
export function replaceInputs({ references, subjects, ...single }: Inputs, replace: Replace): Inputs {
  const replaced = Object.entries(inputNames).flatMap(([name, copy]) => {
    const input = single[name as InputName];
    return input === undefined ? [] : [[name, replace(input, copy, name)]];
  });
  return {
    ...(references && {
      references: references.map((id, i) => replace(id, `reference-${i + 1}`, `reference ${i + 1}`)),
    }),
    ...(subjects && { subjects: subjects.map((subject, i) => replaceSubject(subject, i, replace)) }),
    ...Object.fromEntries(replaced),
  };
}

type InputSubject = NonNullable<Inputs["subjects"]>[number];

function replaceSubject(subject: InputSubject, index: number, replace: Replace): InputSubject {
  const { references, region } = subject;
  const name = `subjects[${index}]`;
  return {
    ...subject,
    references: references.map((id, i) =>
      replace(id, `subject-${index + 1}-${i + 1}`, `${name}.reference ${i + 1}`),
    ),
    ...(typeof region === "string" && {
      region: replace(region, `region-${index + 1}`, `${name}.region`),
    }),
  };
}

/** The ids or names of inputs, each with what its copy is called. */
export function listInputs(inputs: Inputs): { input: string; copy: string }[] {
  const list: { input: string; copy: string }[] = [];
  replaceInputs(inputs, (input, copy) => {
    list.push({ input, copy });
    return input;
  });
  return list;
}
