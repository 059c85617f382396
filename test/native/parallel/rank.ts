import { writeSync } from "node:fs";
import { runProbe } from "../../support/probes.js";

// One process of a run: node rank.js PROBE CONFIG. Prints the outputs, or the error with its code, as JSON.
const [probe, config] = process.argv.slice(2) as [string, string];

function outcome(): object {
  try {
    const outputs = runProbe(probe, JSON.parse(config), {});
    const values = Object.entries(outputs).map(([name, { data }]) => [name, Array.from(data)]);
    return { outputs: Object.fromEntries(values) };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { error: { code, message } };
  }
}

writeSync(1, JSON.stringify(outcome()));
