import { readFileSync } from "node:fs";
import { brotliDecompressSync } from "node:zlib";

const file = new URL("../../weights/html/entities.json.br", import.meta.url);

let table: ReadonlyMap<string, string> | undefined;

/** HTML's named characters, "amp;" -> "&"; those of old, "amp", are there without their semicolon, too. */
export function entities(): ReadonlyMap<string, string> {
  table ??= new Map(Object.entries(JSON.parse(brotliDecompressSync(readFileSync(file)).toString("utf8"))));
  return table;
}

/** What bytes 0x80 to 0x9F are in Windows-1252, by which browsers read numbers of such characters. */
const windows1252 =
  "\u20AC\x81\u201A\u0192\u201E\u2026\u2020\u2021\u02C6\u2030\u0160\u2039\u0152\x8D\u017D\x8F" +
  "\x90\u2018\u2019\u201C\u201D\u2022\u2013\u2014\u02DC\u2122\u0161\u203A\u0153\x9D\u017E\u0178";

/** The character that `&#number;` stands for; none of control characters and of what no character has. */
function characterOf(number: number): string {
  if (number >= 0x80 && number <= 0x9f) return windows1252[number - 0x80] as string;
  if (number === 0 || number > 0x10ffff || (number >= 0xd800 && number <= 0xdfff)) return "\uFFFD";
  const isNone =
    (number < 0x20 && !/[\t\n\f\r]/.test(String.fromCharCode(number))) ||
    number === 0x7f ||
    (number >= 0xfdd0 && number <= 0xfdef) ||
    (number & 0xfffe) === 0xfffe;
  return isNone ? "" : String.fromCodePoint(number);
}

/** The same as BeautifulSoup has it, which keeps what no text should have. */
function anyCharacterOf(number: number): string {
  return characterOf(number) || String.fromCodePoint(number);
}

/** As Python's `html.unescape`: semicolons may be missing, as browsers have it. */
export function unescapeHtml(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(
    /&(?:#(?:([0-9]+)|[xX]([0-9a-fA-F]+));?|([^\t\n\f <&#;]{1,32};?))/gu,
    (whole, decimal?: string, hexadecimal?: string, name = "") => {
      if (decimal !== undefined) return characterOf(Number.parseInt(decimal, 10));
      if (hexadecimal !== undefined) return characterOf(Number.parseInt(hexadecimal, 16));
      for (let length = name.length; length > 1; --length) {
        const character = entities().get(name.slice(0, length));
        if (character !== undefined) return character + name.slice(length);
      }
      return whole;
    },
  );
}

const attribute = `[^\\s/>][^\\s/=>]*(?:\\s*=+\\s*(?:'[^']*'|"[^"]*"|(?!['"])[^>\\s]*))?`;
const markup = new RegExp(
  [
    "<!--[^]*?--\\s*>",
    "<!\\[cdata\\[(?<data>[^]*?)\\]\\]>",
    "<!\\[[^]*?\\]>",
    "<![^>]*>",
    "<\\?[^>]*>",
    // What is neither read nor shown.
    "<(?<silent>script|style|template)(?=[\\s/>])[^>]*>[^]*?(?:</\\k<silent>\\s*>|$)",
    `<[a-z][^\\s/>]*(?:[\\s/]+(?:${attribute})?)*\\s*>`,
    "</[^>]*>",
    "&#(?<number>[0-9]+|x[0-9a-f]+)(?:;|(?=[^0-9a-f]))",
    "&(?<name>[a-z][-.a-z0-9]*)(?:;|(?=[^a-z0-9]))",
  ].join("|"),
  "gi",
);

/** A text without its tags and comments, as BeautifulSoup's `text` by Python's parser has it. */
export function textOfHtml(text: string): string {
  if (!/[<&]/.test(text)) return text;
  return text.replace(markup, (whole, ...found) => {
    const { data, number, name } = found.at(-1) as Record<"data" | "number" | "name", string | undefined>;
    if (number !== undefined) return anyCharacterOf(Number(/^x/i.test(number) ? `0${number}` : number));
    if (name === undefined) return data ?? "";
    return entities().get(`${name};`) ?? (whole.endsWith(";") ? whole.slice(0, -1) : whole);
  });
}
