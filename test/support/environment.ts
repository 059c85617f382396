import type { Test } from "tap";

/** Sets environment variables until the test ends; `undefined` takes one away. */
export function setEnvironment(t: Test, values: Record<string, string | undefined>): void {
  const before = Object.keys(values).map((name) => [name, process.env[name]] as const);
  t.teardown(() => apply(before));
  apply(Object.entries(values));
}

function apply(entries: Iterable<readonly [string, string | undefined]>): void {
  for (const [name, value] of entries) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
}

/** The command that runs Node without the hooks that the test runner puts into every Node process it starts. */
export const bareNode = ["env", "-u", "NODE_OPTIONS", process.execPath] as const;
