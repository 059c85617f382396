import { readdirSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { assertClose } from "./compare.js";
import { type Case, drawCase, fixtures, readCase, runProbe } from "./probes.js";
import { readSafetensors } from "./safetensors.js";

/**
 * One test for every folder test/fixtures/<group>/<layer>-*: every output is what diffusers computes. `complete` adds what a
 * case takes from another one.
 */
export function testCases(group: string, layer: string, complete = (testCase: Case) => testCase): void {
  const root = join(fixtures, group);
  const names = readdirSync(root).filter((name) => name.startsWith(`${layer}-`));
  if (names.length === 0) throw new Error(`no fixtures ${root}/${layer}-*`);
  for (const name of names) {
    t.test(name, async (t) => {
      const testCase = complete(readCase(join(root, name)));
      const actual = runProbe(testCase.probe, testCase.config, drawCase(testCase));
      const expected = readSafetensors(join(root, name, "expected.safetensors"));
      t.same(Object.keys(actual).sort(), Object.keys(expected).sort(), "the outputs");
      for (const [output, tensor] of Object.entries(expected)) {
        assertClose(t, actual[output], tensor, testCase.tolerance, output);
      }
    });
  }
}
