import { test } from "tap";
import { promptCleaners } from "#ts/tokens/cleaning.js";

/** What ftfy, html.unescape and OpenCLIP's whitespace cleaning make of the first. */
const cases: [string, string][] = [
  ["a robot", "a robot"],
  ["  a \t robot\n dancing ", "a robot dancing"],
  ["rain &amp; wind", "rain & wind"],
  ["rain &amp;amp; wind", "rain & wind"],
  ["it&#39;s &#x201c;slow&#x201d;", 'it\'s "slow"'],
  ["it\u2019s \u201cslow\u201d", 'it\'s "slow"'],
  ["&lt;b&gt; &copy &eacute;", "<b> \u00a9 \u00e9"],
  ["<b> &amp; more", "<b> & more"],
  ["&unknown; & plain &;", "&unknown; & plain &;"],
  ["\ufb01re and \uff21\uff22\uff23\uff01", "fire and ABC!"],
  ["cafe\u0301", "caf\u00e9"],
  ["a\u0000b\ufeffc", "abc"],
  ["&#0; &#1114112; &#xd800;", "\ufffd \ufffd \ufffd"],
];

test("prompts are cleaned as OpenCLIP's tokenizer does it", (t) => {
  for (const [given, wanted] of cases) t.equal(promptCleaners.entities(given), wanted, JSON.stringify(given));
  t.end();
});
