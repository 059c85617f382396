import { entities, unescapeHtml } from "./html.js";

/** Capitals of names that are lower-case, as where a text was turned to capitals: "EACUTE;" -> "É". */
let capitals: ReadonlyMap<string, string> | undefined;

function capitalEntities(): ReadonlyMap<string, string> {
  capitals ??= new Map(
    [...entities()].flatMap(([name, character]) => {
      const upper = name.toUpperCase();
      const isTaken = unescapeHtml(`&${upper}`) !== `&${upper}`;
      return name.endsWith(";") && name === name.toLowerCase() && !isTaken
        ? [[upper, character.toUpperCase()] as const]
        : [];
    }),
  );
  return capitals;
}

function unescapeSurely(text: string): string {
  return text.replace(/&(#?[0-9A-Za-z]{1,24};)/g, (whole, name: string) => {
    const named = entities().get(name) ?? capitalEntities().get(name);
    if (named !== undefined) return named;
    const character = name.startsWith("#") ? unescapeHtml(whole) : whole;
    return character.includes(";") ? whole : character;
  });
}

/** Letters that print joined, which is taken apart: copies of printed pages have them. */
const ligatures = new Map(
  Object.entries({
    ...{ Ĳ: "IJ", ĳ: "ij", ŉ: "ʼn", Ǳ: "DZ", ǲ: "Dz", ǳ: "dz", Ǆ: "DŽ", ǅ: "Dž", ǆ: "dž" },
    ...{ Ǉ: "LJ", ǈ: "Lj", ǉ: "lj", Ǌ: "NJ", ǋ: "Nj", ǌ: "nj" },
    ...{ "\uFB00": "ff", "\uFB01": "fi", "\uFB02": "fl", "\uFB03": "ffi", "\uFB04": "ffl" },
    ...{ "\uFB05": "\u017Ft", "\uFB06": "st" },
  }),
);

/** One pass; undoes what copying and escaping do to texts. */
function fixedOnce(text: string, unescapes: boolean): string {
  const unescaped = unescapes ? unescapeSurely(text) : text;
  return (
    unescaped
      .replace(/[\x80-\x9F]/g, (byte) => unescapeHtml(`&#${byte.charCodeAt(0)};`))
      .replace(
        /[\u0132\u0133\u0149\u01C4-\u01CC\u01F1-\u01F3\uFB00-\uFB06]/g,
        (joined) => ligatures.get(joined) ?? joined,
      )
      // Letters as wide as ideographs, and narrow ones.
      .replace(/[\u3000\uFF01-\uFFEF]/g, (wide) => wide.normalize("NFKC"))
      .replace(/[\u201C-\u201F]/g, '"')
      .replace(/[\u02BC\u2018-\u201B]/g, "'")
      .replace(/\r\n|[\r\u2028\u2029\x85]/g, "\n")
      .replace(/\p{Surrogate}/gu, "\uFFFD")
      // Colours of terminals.
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they begin so
      .replace(/\x1B\[[\d;]*[a-zA-Z]/g, "")
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are removed
      .replace(/[\0-\x08\x0B\x0E-\x1F\x7F\u206A-\u206F\uFEFF\uFFF9-\uFFFC]/g, "")
      .normalize("NFC")
  );
}

/**
 * As the Python library ftfy's `fix_text`, without its search for texts that were decoded by another encoding than theirs.
 * Of a text with "<", characters' names stay.
 */
export function fixedText(text: string): string {
  let unescapes = true;
  return text
    .split(/(?<=\n)/)
    .map((line) => {
      if (line.includes("<")) unescapes = false;
      for (let before = line; ; ) {
        const fixed = fixedOnce(before, unescapes);
        if (fixed === before) return fixed;
        before = fixed;
      }
    })
    .join("");
}
