import { readFileSync } from "node:fs";
import { test } from "tap";
import { promptCleaners } from "#ts/tokens/cleaning.js";

type Case = Record<"text" | "caption" | "entities", string>;

const cases: Case[] = JSON.parse(readFileSync("test/fixtures/tokens-t5/captions.json", "utf8"));

for (const cleaning of ["caption", "entities"] as const) {
  test(`prompts are cleaned as diffusers cleans them: ${cleaning}`, async (t) => {
    t.ok(cases.length > 30);
    const wrong = cases.flatMap((each) => {
      const got = promptCleaners[cleaning](each.text);
      return got === each[cleaning] ? [] : [{ text: each.text, expected: each[cleaning], got }];
    });
    t.strictSame(wrong, []);
  });
}

test("a family that cleans nothing takes prompts as they are", async (t) => {
  for (const { text } of cases) t.equal(promptCleaners.none(text), text);
});

test("texts that could take long don't", async (t) => {
  const long = [
    "<".repeat(5000),
    "&#".repeat(2500),
    "a.".repeat(2500),
    "<a ".repeat(1500),
    "1:".repeat(2500),
  ];
  for (const text of long) t.type(promptCleaners.caption(text), "string");
});
