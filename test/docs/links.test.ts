import { existsSync } from "node:fs";
import { test } from "tap";
import { anchors, documents, links } from "../support/markdown.js";

test("links within the documentation lead somewhere", (t) => {
  for (const document of documents) {
    for (const { target, file, anchor } of links(document)) {
      if (file === undefined) continue;
      t.ok(existsSync(file), `${document}: ${target}`);
      if (anchor !== "") t.ok(anchors(file).includes(anchor), `${document}: ${target}`);
    }
  }
  t.end();
});

test("every document can be reached from the README", (t) => {
  const reached = new Set<string>();
  const follow = (document: string) => {
    if (reached.has(document) || !documents.includes(document)) return;
    reached.add(document);
    for (const { file } of links(document)) if (file !== undefined) follow(file);
  };
  follow("README.md");
  t.strictSame(
    documents.filter((document) => !reached.has(document)),
    [],
  );
  t.end();
});
