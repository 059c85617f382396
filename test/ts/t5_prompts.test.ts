import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { test } from "tap";
import { encodeT5Prompts } from "#ts/t5_prompts.js";
import { T5Tokenizer } from "#ts/tokens/t5_tokenizer.js";

const model = gunzipSync(readFileSync("test/fixtures/tokens-t5/spiece.model.gz"));

test("prompts are as many tokens as the model reads, with what counts of them", async (t) => {
  const folder = t.testdir();
  writeFileSync(join(folder, "spiece.model"), model);
  const tokenizer = await T5Tokenizer.load(folder);
  const encode = (prompt: string | Record<number, string>, negativePrompt = "", promptCleaning = "none") =>
    encodeT5Prompts({ prompt, negativePrompt }, { textPositions: 16, promptCleaning } as never, tokenizer);
  const { native, warnings } = encode("the sea");
  const { ids, kept } = tokenizer.encode("the sea", 16);
  t.strictSame(native.promptIds, ids);
  t.equal(native.promptCount, kept + 1);
  t.equal(native.promptIds[kept], 1, "the end");
  t.equal(native.negativeCount, 1);
  t.strictSame(warnings, []);

  const brackets = "(the:1.2) [sea] BREAK";
  t.strictSame(encode(brackets).native.promptIds, tokenizer.encode(brackets, 16).ids, "brackets are text");

  const long = `${"the ".repeat(40)}sea`;
  const cut = encode(long, long);
  t.equal(cut.native.promptCount, 16);
  t.match(cut.warnings, [
    /^the prompt was cut after "\.\.\. the the the" \(15 of \d+ tokens\)$/,
    /^the negative prompt was cut after "/,
  ]);

  t.strictSame(encode("The SEA", "", "caption").native.promptIds, ids, "lower case");
  t.strictSame(
    encode("the  \u201Csea\u201D", "", "entities").native.promptIds,
    tokenizer.encode('the "sea"', 16).ids,
  );

  t.throws(() => encode({ 0: "the sea", 4: "a cat" }), {
    code: "ERR_INVALID_OPTION",
    message: /^prompt: this model takes one prompt for the whole film/,
  });
  const half = await T5Tokenizer.load(folder, 8);
  t.throws(
    () =>
      encodeT5Prompts(
        { prompt: "the sea", negativePrompt: "" },
        { textPositions: 16, promptCleaning: "none" },
        half,
      ),
    {
      code: "ERR_WEIGHTS_MISMATCH",
      message: /^prompt: the tokenizer gives token/,
    },
  );
});
