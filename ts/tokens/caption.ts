import { fixedText } from "./fixed_text.js";
import { textOfHtml, unescapeHtml } from "./html.js";

const word = "[\\p{L}\\p{N}_]";
/** What Python's shorthands mean, which know more letters than JavaScript's. */
const shorthands: Record<string, string> = {
  w: word,
  b: `(?:(?<=${word})(?!${word})|(?<!${word})(?=${word}))`,
  d: "\\p{Nd}",
  D: "\\P{Nd}",
  s: `[[\\s\\x1C-\\x1F\\x85]--\\uFEFF]`,
  S: `[^[[\\s\\x1C-\\x1F\\x85]--\\uFEFF]]`,
};

/** A pattern as Python reads it. */
function pattern(source: string): RegExp {
  return new RegExp(
    source.replace(/\\([wbdDsS])/g, (_, name: string) => shorthands[name] as string),
    "gvs",
  );
}

const address = (start: string) =>
  `\\b((?:${start}:(?:\\/{1,3}|[a-zA-Z0-9%])|[a-zA-Z0-9.\\-]+[.](?:com|co|ru|net|org|edu|gov|it)[\\w\\/\\-]*\\b\\/?(?!@)))`;
const endings = "png|jpg|jpeg|bmp|webp|eps|pdf|apk|mp4";

type Rule = readonly [found: RegExp, instead: string];
const rules = (...all: [source: string, instead: string][]): Rule[] =>
  all.map(([source, instead]) => [pattern(source), instead]);

const addresses = rules(["<person>", "person"], [address("https?"), ""], [address("www"), ""]);

const signs = rules(
  ["@[\\w\\d]+\\b", ""],
  // Ideographs.
  ["[\\u31c0-\\u33ff\\u3400-\\u4dff\\u4e00-\\u9fff]+", ""],
  [
    "[\\-\\u058A\\u05BE\\u1400\\u1806\\u2010-\\u2015\\u2E17\\u2E1A\\u2E3A\\u2E3B\\u2E40\\u301C\\u3030\\u30A0\\uFE31\\uFE32\\uFE58\\uFE63\\uFF0D]+",
    "-",
  ],
  ["[`´«»“”¨]", '"'],
  ["[‘’]", "'"],
  ["&quot;?", ""],
  ["&amp", ""],
  ["\\d{1,3}\\.\\d{1,3}\\.\\d{1,3}\\.\\d{1,3}", " "],
  ["\\d:\\d\\d\\s+$", ""],
  ["\\\\n", " "],
  ["#\\d{1,3}\\b", ""],
  ["#\\d{5,}\\b", ""],
  ["\\b\\d{6,}\\b", ""],
  [`\\S+\\.(?:${endings})`, ""],
  ["[\"']{2,}", '"'],
  ["\\.{2,}", " "],
  ["[#®•©™&@·º½¾¿¡§~\\)\\(\\]\\[\\}\\{\\|\\\\\\/*]+", " "],
  ["\\s+\\.\\s+", " "],
);

const joints = pattern("[\\-_]");

const phrases = rules(
  ["\\b[a-zA-Z]{1,3}\\d{3,15}\\b", ""],
  ["\\b[a-zA-Z]+\\d+[a-zA-Z]+\\b", ""],
  ["\\b\\d+[a-zA-Z]+\\d+\\b", ""],
  ["(worldwide\\s+)?(free\\s+)?shipping", ""],
  ["(free\\s)?download(\\sfree)?", ""],
  ["\\bclick\\b\\s(?:for|on)\\s\\w+", ""],
  [`\\b(?:${endings})(\\simage[s]?)?`, ""],
  ["\\bpage\\s+\\d+\\b", ""],
  ["\\b\\d*[a-zA-Z]+\\d+[a-zA-Z]+\\d+[a-zA-Z\\d]*\\b", " "],
  ["\\b\\d+\\.?\\d*[xх×]\\d+\\.?\\d*\\b", ""],
  ["\\b\\s+:\\s+", ": "],
  ["(\\D[,.\\/])\\b", "$1 "],
  ["\\s+", " "],
  ["^[\"'](.+)[\"']$", "$1"],
  ["^['_,\\-:;]", ""],
  ["['_,\\-:+]$", ""],
  ["^\\.\\S+$", ""],
);

const applied = (text: string, all: readonly Rule[]) =>
  all.reduce((changed, [found, instead]) => changed.replace(found, instead), text);

const edges = pattern("^\\s+|\\s+$");
const stripped = (text: string) => text.replace(edges, "");

/** As Python's `unquote_plus`. */
function unquoted(text: string): string {
  return text.replaceAll("+", " ").replace(/[\0-\x7F]+/g, (run) => {
    if (!run.includes("%")) return run;
    const bytes = run.replace(/%([0-9a-fA-F]{2})/g, (_, digits: string) =>
      String.fromCharCode(Number.parseInt(digits, 16)),
    );
    return Buffer.from(bytes, "latin1").toString("utf8");
  });
}

function cleanedOnce(text: string): string {
  const plain = textOfHtml(applied(stripped(unquoted(text)).toLowerCase(), addresses));
  const caption = applied(plain, signs);
  const joined = (caption.match(joints) ?? []).length > 3 ? caption.replace(joints, " ") : caption;
  return stripped(applied(unescapeHtml(unescapeHtml(fixedText(joined))), phrases));
}

/**
 * A caption as DeepFloyd's model and Latte were trained on them: lower-case, without addresses, tags, numbers of articles and
 * what else clings to texts of the web. What diffusers' `_clean_caption` makes of it when it is done twice, as there.
 */
export function cleanedCaption(text: string): string {
  return cleanedOnce(cleanedOnce(text));
}
