/** The commands of a shell text as words: lines that go on are joined, comments and separators left out. */
export function shellCommands(text: string): string[][] {
  const joined = text.replaceAll(/\\\n\s*/g, "");
  return joined.split("\n").flatMap(commandsOfLine);
}

function commandsOfLine(line: string): string[][] {
  const commands: string[][] = [[]];
  for (const [token] of line.matchAll(/&&|;|#.*|(?:"[^"]*"|'[^']*'|[^\s;"'])+/g)) {
    if (token.startsWith("#")) break;
    if (token === "&&" || token === ";") commands.push([]);
    else commands.at(-1)?.push(token.replaceAll(/["']/g, ""));
  }
  return commands.map(withoutPrefixes).filter(([first]) => first !== undefined);
}

/** Without assignments, the keywords of a loop, and programs that only start another one. */
function withoutPrefixes(words: string[]): string[] {
  const [first = ""] = words;
  if (/^[A-Z_]+=/.test(first) || ["do", "npx", "sudo"].includes(first))
    return withoutPrefixes(words.slice(1));
  if (!["torchrun", "srun", "ssh"].includes(first)) return words;
  return words.slice(words.indexOf("cameo"));
}
