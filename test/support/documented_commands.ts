import { codeSpans, documents, fencedBlocks } from "./markdown.js";
import { shellCommands } from "./shell.js";

export interface DocumentedCommand {
  words: string[];
  place: string;
}

export const inBlocks: DocumentedCommand[] = fencedBlocks("sh").flatMap(({ text, place }) =>
  shellCommands(text).map((words) => ({ words, place })),
);
/** As in "  $ cameo sample ...". */
export const inHelp: DocumentedCommand[] = fencedBlocks("text").flatMap(({ text, place }) => {
  const lines = text.replaceAll(/\\\n\s*/g, "").matchAll(/^ *\$ (.*)$/gm);
  return [...lines].flatMap(([, line = ""]) => shellCommands(line)).map((words) => ({ words, place }));
});
/** In running text the rest of a command often goes without saying. */
export const inProse: DocumentedCommand[] = documents.flatMap((document) =>
  codeSpans(document)
    .filter((span) => /^(cameo|npx cameo|npm|node|python) /.test(span))
    .flatMap(shellCommands)
    .map((words) => ({ words: words[0] === "cameo" ? [...words, "..."] : words, place: document })),
);
export const allCommands = [...inBlocks, ...inHelp, ...inProse];

/** The file that `node` or `python` is told to run, where it is one of the project's. */
export function scriptOf([program = "", ...args]: readonly string[]): string | undefined {
  const script = args.find((arg) => /\.(m?js|py|sh)$/.test(arg));
  return ["node", "python", "bash"].includes(program) ? script : undefined;
}
