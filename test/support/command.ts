import { type ChildProcess, spawn } from "node:child_process";

export interface Finished {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface Started {
  child: ChildProcess;
  /** What it printed so far. */
  out: { stdout: string; stderr: string };
  finished: Promise<Finished>;
}

/** Runs `cameo` as a user does, in a process of its own, with `env` on top of this one's environment. */
export function cameo(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Finished> {
  return startCameo(args, env).finished;
}

/** `cameo`, to be signalled while it runs. */
export function startCameo(args: readonly string[], env: NodeJS.ProcessEnv = {}): Started {
  const child = spawn(process.execPath, ["dist/cli/main.js", ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const out = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text) => {
      out[name] += text;
    });
  }
  const finished = new Promise<Finished>((resolve, reject) => {
    child.on("error", reject).on("close", (code, signal) => resolve({ code, signal, ...out }));
  });
  return { child, out, finished };
}

/** The objects that a command printed with `--json`. */
export function events({ stdout }: { stdout: string }): Record<string, unknown>[] {
  return stdout
    .trim()
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}
