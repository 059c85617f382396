/** As many characters of a value as a message quotes. */
const most = 200;

/** A text, without its middle where it is long: the ends of a path or an address say what it is. */
export function shortened(text: string): string {
  if (text.length <= most) return text;
  // Half of a surrogate pair is no character.
  const head = text.slice(0, most / 2).replace(/[\ud800-\udbff]$/, "");
  const tail = text.slice(-most / 2).replace(/^[\udc00-\udfff]/, "");
  return `${head}...${tail}`;
}

/** A text as a message quotes it: in quotation marks, on one line, shortened. */
export function quoted(text: string): string {
  return JSON.stringify(shortened(text));
}
