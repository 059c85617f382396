import { spawn } from "node:child_process";
import { once } from "node:events";
import { freePort } from "#ts/training/launch.js";

/** What became of one process: how it ended, and what its probe gave or threw. */
export interface Outcome {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** When it did, in ms. */
  ended: number;
  stderr: string;
  outputs?: Record<string, number[]>;
  error?: { code: string; message: string };
}

/** Runs a probe in a process of its own. */
export async function runRank(probe: string, config: object): Promise<Outcome> {
  const child = spawn(
    process.execPath,
    ["build/test/native/parallel/rank.js", probe, JSON.stringify(config)],
    {
      env: { ...process.env, OMP_NUM_THREADS: "1" },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text) => {
    stderr += text;
  });
  const [code, signal] = await once(child, "close");
  return { code, signal, ended: performance.now(), stderr, ...JSON.parse(stdout || "{}") };
}

/** Runs a probe in `count` processes that meet on a free port; `config` gives what is each rank's own. */
export async function runRanks(
  probe: string,
  count: number,
  config: (rank: number) => object = () => ({}),
): Promise<Outcome[]> {
  const shared = { world_size: count, address: "127.0.0.1", port: await freePort(), timeout: 60 };
  return Promise.all(
    Array.from({ length: count }, (_, rank) => runRank(probe, { ...shared, rank, ...config(rank) })),
  );
}
