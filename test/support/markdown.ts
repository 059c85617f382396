import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

export interface FencedBlock {
  /** "js", "sh" ...; empty where the fence names none. */
  language: string;
  text: string;
  /** Where it is, as in "README.md:9". */
  place: string;
}

/** Everything that is documentation, relative to the project's root. */
export const documents: readonly string[] = [
  ...readdirSync(".").filter((name) => name.endsWith(".md")),
  ...["docs", "examples", "weights"].flatMap(markdownBelow),
];

function markdownBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md") && !name.includes("node_modules"))
    .map((name) => join(folder, name))
    .sort();
}

interface Parts {
  blocks: FencedBlock[];
  /** The text without its fenced blocks, line by line. */
  prose: string[];
}

function partsOf(document: string): Parts {
  const blocks: FencedBlock[] = [];
  const prose: string[] = [];
  let open: { block: FencedBlock; fence: string } | undefined;
  for (const [index, line] of readFileSync(document, "utf8").split("\n").entries()) {
    const [, fence, language = ""] = line.match(/^(```+)(\w*)$/) ?? [];
    if (open && fence === open.fence) {
      blocks.push(open.block);
      open = undefined;
    } else if (open) open.block.text += `${line}\n`;
    else if (fence) open = { block: { language, text: "", place: `${document}:${index + 1}` }, fence };
    else prose.push(line);
  }
  if (open) throw new Error(`${open.block.place}: a fence that is not closed`);
  return { blocks, prose };
}

/** All blocks of all documents, or those of one language. */
export function fencedBlocks(language?: string): FencedBlock[] {
  const all = documents.flatMap((document) => partsOf(document).blocks);
  return language === undefined ? all : all.filter((block) => block.language === language);
}

/** What is between single backticks. */
export function codeSpans(document: string): string[] {
  return [
    ...partsOf(document)
      .prose.join("\n")
      .matchAll(/`([^`]+)`/g),
  ].map(([, span = ""]) => span.replaceAll("\n", " "));
}

export interface Link {
  target: string;
  /** The file that it leads to, relative to the root; undefined where it leaves the project. */
  file?: string;
  /** The heading in it; empty without one. */
  anchor: string;
}

export function links(document: string): Link[] {
  const prose = partsOf(document)
    .prose.join("\n")
    .replaceAll(/`[^`]+`/g, "");
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => {
    const [path = "", anchor = ""] = target.split("#");
    if (/^[a-z]+:/.test(target)) return { target, anchor };
    return { target, anchor, file: path === "" ? document : normalize(join(dirname(document), path)) };
  });
}

/** Anchors of a document's headings, made as GitHub makes them. */
export function anchors(document: string): string[] {
  return partsOf(document).prose.flatMap((line) => {
    const [, heading] = line.match(/^#+ (.*)$/) ?? [];
    if (heading === undefined) return [];
    return heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\p{M} _-]/gu, "")
      .replaceAll(" ", "-");
  });
}
