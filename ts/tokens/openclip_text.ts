/** Of U+00A0 to U+00FF, in their order, as HTML names them. */
const latinNames = (
  "nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 acute micro para " +
  "middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave Eacute " +
  "Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave Uacute Ucirc Uuml Yacute " +
  "THORN szlig agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml igrave iacute icirc iuml eth ntilde " +
  "ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml"
).split(" ");

/** Those that end without a semicolon, too. */
const oldEntities = new Map<string, string>([
  ["amp", "&"],
  ["AMP", "&"],
  ["lt", "<"],
  ["LT", "<"],
  ["gt", ">"],
  ["GT", ">"],
  ["quot", '"'],
  ["QUOT", '"'],
  ...latinNames.map((name, i): [string, string] => [name, String.fromCharCode(0xa0 + i)]),
]);

const entities = new Map<string, string>([
  ...oldEntities,
  ["apos", "'"],
  ["hellip", "\u2026"],
  ["ndash", "\u2013"],
  ["mdash", "\u2014"],
  ["lsquo", "\u2018"],
  ["rsquo", "\u2019"],
  ["ldquo", "\u201c"],
  ["rdquo", "\u201d"],
  ["bull", "\u2022"],
  ["euro", "\u20ac"],
  ["trade", "\u2122"],
  ["rarr", "\u2192"],
  ["hearts", "\u2665"],
]);

const highest = 0x10ffff;

function unescaped(text: string): string {
  return text.replace(
    /&(?:#(\d+|[xX][\dA-Fa-f]+);?|([A-Za-z][\dA-Za-z]*)(;?))/g,
    (whole, number, name, end) => {
      if (number !== undefined) {
        const code = Number(/^[xX]/.test(number) ? `0${number}` : number);
        const isText = code > 0 && code <= highest && (code < 0xd800 || code > 0xdfff);
        return isText ? String.fromCodePoint(code) : "\ufffd";
      }
      if (end === ";" && entities.has(name)) return entities.get(name) as string;
      // As in "&ampere", the longest old name that it begins with.
      for (let length = name.length; length > 1; length--) {
        const old = oldEntities.get(name.slice(0, length));
        if (old !== undefined) return old + name.slice(length) + end;
      }
      return whole;
    },
  );
}

const ligatures: Readonly<Record<string, string>> = {
  ...{ "\u0132": "IJ", "\u0133": "ij", "\u0149": "\u02bcn", "\u01f1": "DZ", "\u01f2": "Dz", "\u01f3": "dz" },
  ...{ "\u01c4": "D\u017d", "\u01c5": "D\u017e", "\u01c6": "d\u017e", "\u01c7": "LJ", "\u01c8": "Lj" },
  ...{ "\u01c9": "lj", "\u01ca": "NJ", "\u01cb": "Nj", "\u01cc": "nj", "\ufb00": "ff", "\ufb01": "fi" },
  ...{ "\ufb02": "fl", "\ufb03": "ffi", "\ufb04": "ffl", "\ufb05": "\u017ft", "\ufb06": "st" },
};

/** What ftfy mends in a text that was read in the right encoding. */
function mended(text: string): string {
  return text
    .replace(/[\u0132\u0133\u0149\u01c4-\u01cc\u01f1-\u01f3\ufb00-\ufb06]/g, (one) => ligatures[one] ?? one)
    .replace(/[\u3000\uff01-\uffef]/g, (wide) => wide.normalize("NFKC"))
    .replace(/[\u02bc\u2018-\u201b]/g, "'")
    .replace(/[\u201c-\u201f]/g, '"')
    .replace(/\r\n?|\u2028|\u2029|\u0085/g, "\n")
    .replace(/\p{Cc}|[\u206a-\u206f\ufeff\ufff9-\ufffb]/gu, (one) => ("\t\n\f".includes(one) ? one : ""))
    .normalize("NFC");
}

/**
 * A prompt as OpenCLIP's tokenizer cleans it before it splits it: HTML's entities, curly quotes, ligatures and wide characters
 * are plain, and white space is single.
 */
export function cleanedForOpenClip(text: string): string {
  const plain = text.includes("<") ? text : unescaped(text);
  return unescaped(unescaped(mended(plain)))
    .replace(/\s+/g, " ")
    .trim();
}
