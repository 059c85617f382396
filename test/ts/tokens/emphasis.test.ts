import { test } from "tap";
import { parseEmphasis } from "#ts/tokens/emphasis.js";

/** Texts with their weights, to three digits; "BREAK" for a chunk's end. */
const parse = (prompt: string) =>
  parseEmphasis(prompt)
    .filter(({ text }) => text !== "")
    .map(({ text, weight }) => (text === undefined ? "BREAK" : [text, Number(weight.toFixed(3))]));

const cases: Record<string, [prompt: string, parts: unknown[]][]> = {
  "brackets and their weights": [
    [
      "a (cat)",
      [
        ["a ", 1],
        ["cat", 1.1],
      ],
    ],
    [
      "((cat)) hat",
      [
        ["cat", 1.21],
        [" hat", 1],
      ],
    ],
    [
      "(cat:1.3)(hat:.5)",
      [
        ["cat", 1.3],
        ["hat", 0.5],
      ],
    ],
    [
      "[cat] [[hat]]",
      [
        ["cat", 0.909],
        [" ", 1],
        ["hat", 0.826],
      ],
    ],
    [
      "(a (b:2) c:3)",
      [
        ["a ", 3],
        ["b", 6],
        [" c", 3],
      ],
    ],
    ["([a])", [["a", 1]]],
    ["(cat : 1.3 )", [["cat ", 1.3]]],
    [
      "(cat:-1)(hat:+2.)(x:0)",
      [
        ["cat", -1],
        ["hat", 2],
        ["x", 0],
      ],
    ],
    ["(a, b: c:1.5)", [["a, b: c", 1.5]]],
  ],
  escapes: [
    ["\\(cat\\) \\[hat\\]", [["(cat) [hat]", 1]]],
    ["(smile :\\):1.2)", [["smile :)", 1.2]]],
    [
      "\\\\(cat)",
      [
        ["\\", 1],
        ["cat", 1.1],
      ],
    ],
    ["a \\ b\\", [["a \\ b\\", 1]]],
    ["(a\\:1.3)", [["a\\", 1.3]]],
  ],
  "brackets that don't match": [
    [
      "a (cat",
      [
        ["a ", 1],
        ["cat", 1.1],
      ],
    ],
    [
      "((cat) hat",
      [
        ["cat", 1.21],
        [" hat", 1.1],
      ],
    ],
    ["[cat", [["cat", 0.909]]],
    ["cat) hat]", [["cat) hat]", 1]]],
    ["cat:1.3)", [["cat:1.3)", 1]]],
    [
      "(a [b) c]",
      [
        ["a ", 1.1],
        ["b", 1],
        [" c", 0.909],
      ],
    ],
    ["()[](", []],
    [")(", [[")", 1]]],
    ["[cat:1.3)", [["cat:1.3)", 0.909]]],
  ],
  "weights that are no numbers": [
    ["(cat:x)", [["cat:x", 1.1]]],
    ["(cat:)", [["cat:", 1.1]]],
    ["(cat:1.2.3)", [["cat:1.2.3", 1.1]]],
    ["(cat:.)", [["cat:.", 1.1]]],
    ["(cat:1e3)", [["cat:1e3", 1.1]]],
    ["(cat:1,3)", [["cat:1,3", 1.1]]],
    ["(cat:NaN)(cat:Infinity)", [["cat:NaNcat:Infinity", 1.1]]],
    ["(1:2:3)", [["1:2", 3]]],
    ["[cat:0.5]", [["cat:0.5", 0.909]]],
    ["a: b :1 c", [["a: b :1 c", 1]]],
  ],
  BREAK: [
    ["a BREAK b", [["a ", 1], "BREAK", [" b", 1]]],
    ["(a BREAK b:2) c", [["a ", 2], "BREAK", [" b", 2], [" c", 1]]],
    ["BREAK", ["BREAK"]],
    ["BREAK BREAK", ["BREAK", [" ", 1], "BREAK"]],
    ["BREAKFAST, BREAK_ break ÉBREAK", [["BREAKFAST, BREAK_ break ÉBREAK", 1]]],
    ["a,BREAK.b", [["a,", 1], "BREAK", [".b", 1]]],
    ["(BREAK)", ["BREAK"]],
  ],
  nothing: [
    ["", []],
    ["(:1.3)", []],
  ],
};

for (const [what, prompts] of Object.entries(cases)) {
  test(what, async (t) => {
    for (const [prompt, parts] of prompts) t.strictSame(parse(prompt), parts, prompt);
  });
}

test("a prompt without the notation is one text, as it stands", async (t) => {
  for (const prompt of ['A cat: \\ "hat", {x|y} <b>  \t', "C:\\temp", ":1.3", "BREAKING", "\\n"]) {
    t.strictSame(parseEmphasis(prompt), [{ text: prompt, weight: 1 }]);
  }
});

test("neighbours of one weight are one text", async (t) => {
  t.strictSame(parse("a (b:1) c"), [["a b c", 1]]);
  t.strictSame(parse("(a)(b)"), [["ab", 1.1]]);
});

test("a weight out of bounds is refused", async (t) => {
  const refused = { code: "ERR_INVALID_OPTION" };
  const message = /the emphasis on "cat" is .*; from -100 to 100 is allowed .*"none"/;
  t.throws(() => parseEmphasis("(cat:101)"), { ...refused, message });
  t.throws(() => parseEmphasis(`(cat:${"9".repeat(400)})`), { ...refused, message });
  t.throws(() => parseEmphasis(`(cat:-1${"0".repeat(9000)})`), refused);
  t.throws(() => parseEmphasis(`${"(".repeat(60)}cat`), refused);
  t.strictSame(parse("(cat:-100)"), [["cat", -100]]);
});

test("thousands of brackets, digits and spaces are read", async (t) => {
  const many = 5000;
  t.equal(parse("(a)[b]".repeat(many / 3)).length, 2 * Math.floor(many / 3));
  t.strictSame(parse(`${"([".repeat(many / 2)}cat`), [["cat", 1]]);
  t.strictSame(parse(")]".repeat(many)), [[")]".repeat(many), 1]]);
  t.strictSame(parse(`(a:${"1".repeat(many)}x)`), [[`a:${"1".repeat(many)}x`, 1.1]]);
  t.strictSame(parse(`(a:${" ".repeat(many)}x)`), [[`a:${" ".repeat(many)}x`, 1.1]]);
});
