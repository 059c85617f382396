import { paperMeasures, variants } from "./variants.js";

/** What evaluate.py's report has of one folder. */
type Measured = Record<string, number>;

/** Beside each of the paper's measures stands what comes nearest to it: attributes for DINO-I, action and place for CLIP-T. */
const measures = ["attributes", "place", "action", "consistency", "motion"] as const;

const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |\n`;

/** The mean, with least and greatest where there are several. */
function cell(values: readonly number[]): string {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const spread = values.length > 1 ? ` (${least.toFixed(3)} to ${most.toFixed(3)})` : "";
  return `${mean.toFixed(3)}${spread}`;
}

function row(name: string, runs: readonly Measured[], paper: readonly string[]): string {
  const cells = measures.map((measure) => cell(runs.map((run) => run[measure] ?? Number.NaN)));
  return line([name, ...cells, ...paper]);
}

/** Every row's measures beside the paper's, in Markdown. `report` is evaluate.py's: drawn, base, and each variant's seeds. */
export function ablationTable(report: Record<string, Measured>, seeds: number): string {
  const of = (folder: string): Measured => {
    const measured = report[folder];
    if (!measured) throw new Error(`the report has nothing of ${folder}`);
    return measured;
  };
  const head = ["", ...measures, ...paperMeasures.map((name) => `paper: ${name}`)];
  const none = paperMeasures.map(() => "");
  return [
    line(head),
    line(head.map(() => "---")),
    row("drawn films", [of("drawn")], none),
    row("no reference", [of("base")], none),
    ...variants.map(({ name, paper }) => {
      const runs = Array.from({ length: seeds }, (_, seed) => of(`${name}-${seed}`));
      return row(
        paper.name,
        runs,
        paper.values.map((value) => value.toFixed(4)),
      );
    }),
  ].join("");
}
