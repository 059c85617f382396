import { readFileSync } from "node:fs";
import { test } from "tap";
import { errorCodes } from "#ts/errors.js";
import { writeExampleFolder } from "../support/example_folder.js";
import { messageSources, provoke } from "../support/provocations.js";

const document = readFileSync("docs/troubleshooting.md", "utf8");
/** Of each heading: what follows it. */
const sections = new Map(
  document
    .split(/^## /m)
    .slice(1)
    .map((section) => [section.split("\n", 1)[0] ?? "", section]),
);

/** The lines of a section's first block: messages as they are printed. */
function messages(code: string): string[] {
  const [, block = ""] = sections.get(code)?.match(/^```text\n(.*?)^```$/ms) ?? [];
  return block.split("\n").filter(Boolean);
}

test("there is a section for every code, in their order", (t) => {
  t.strictSame(
    [...sections.keys()].filter((heading) => heading.startsWith("ERR_")),
    [...errorCodes],
  );
  t.end();
});

test("the messages are the real ones", async (t) => {
  const root = process.cwd();
  const folder = await writeExampleFolder("docs-troubleshooting");
  process.chdir(folder);
  t.teardown(() => process.chdir(root));
  for (const code of errorCodes.filter((each) => !messageSources[each])) {
    const error = await provoke(code);
    t.equal(error?.code, code);
    const message = error?.message.replaceAll(folder, "/home/me") ?? "";
    t.ok(messages(code).includes(message), `${code}: ${message}`);
  }
});

test("those that a processor can't make happen are put together as the sources say", (t) => {
  for (const [code, file] of Object.entries(messageSources)) {
    const source = readFileSync(file, "utf8");
    const [message = ""] = messages(code);
    // What the sources have between quotes, of more than a word.
    const pieces = [...source.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, piece = ""]) =>
      piece.replaceAll("\\", ""),
    );
    const used = pieces.filter((piece) => piece.length > 8 && message.includes(piece));
    t.ok(used.join("").length > message.length / 2, `${code}: ${message}`);
  }
  t.end();
});
