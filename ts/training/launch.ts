import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { availableParallelism } from "node:os";
import { createInterface } from "node:readline";
import { abortError, CameoError, throwIfAborted } from "../errors.js";

export interface LaunchOptions {
  /** How many processes: one to a GPU. */
  count: number;
  /** The program that each of them runs, and its arguments. */
  script: string;
  args: readonly string[];
  /** Default: this process's. */
  env?: NodeJS.ProcessEnv | undefined;
  /** Interrupts the processes, once; then they have all the time they need to save their work. */
  signal?: AbortSignal | undefined;
  /**
   * After one process failed, the others have so long to end by themselves, and again so long after a SIGTERM.
   * Default: 10 s.
   */
  graceMilliseconds?: number | undefined;
}

/**
 * Runs a program as `count` processes of this machine, each with its place in the environment, as
 * `membershipFromEnvironment` reads it, and ends when all of them have ended.
 *
 * Rank 0 has this process's stdout and stderr; of the others only stderr is shown, each line with its rank. None of
 * them outlives this process. Rejects with ERR_DISTRIBUTED where a process failed, or with ERR_ABORTED.
 */
export async function launch(options: LaunchOptions): Promise<void> {
  const { count, signal, graceMilliseconds = 10_000 } = options;
  throwIfAborted(signal);
  const environment = await sharedEnvironment(options);
  const children = Array.from({ length: count }, (_, rank) => start(options, environment, rank));
  const stopping = new Stopping(children, graceMilliseconds);
  const kill = () => send("SIGKILL", children);
  const interrupt = () => send("SIGINT", children);
  process.once("exit", kill);
  signal?.addEventListener("abort", interrupt, { once: true });
  const failures: string[] = [];
  try {
    await Promise.all(
      children.map(async (child, rank) => {
        const failure = await failureOf(child);
        if (!failure || stopping.terminated) return;
        failures.push(`rank ${rank} ${failure}`);
        if (!signal?.aborted) stopping.begin();
      }),
    );
  } finally {
    stopping.end();
    process.off("exit", kill);
    signal?.removeEventListener("abort", interrupt);
  }
  if (failures.length === 0) return;
  if (signal?.aborted) throw abortError(signal);
  throw new CameoError(
    "ERR_DISTRIBUTED",
    `of ${count} processes, ${failures.join(", ")}: see above what they said, then start again with --resume`,
  );
}

/** Makes processes end, with some patience. */
class Stopping {
  terminated = false;
  readonly #children: readonly ChildProcess[];
  readonly #grace: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(children: readonly ChildProcess[], grace: number) {
    this.#children = children;
    this.#grace = grace;
  }

  begin(): void {
    this.#timer ??= setTimeout(() => this.#terminate(), this.#grace);
  }

  #terminate(): void {
    this.terminated = true;
    send("SIGTERM", this.#children);
    this.#timer = setTimeout(() => send("SIGKILL", this.#children), this.#grace);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

async function sharedEnvironment({ count, env = process.env }: LaunchOptions): Promise<NodeJS.ProcessEnv> {
  const threads = Math.max(1, Math.floor(availableParallelism() / count));
  return {
    OMP_NUM_THREADS: String(threads),
    // Otherwise c10d ends the process from a thread of its own after a failure of CUDA's.
    TORCH_NCCL_RETHROW_CUDA_ERRORS: "0",
    ...env,
    WORLD_SIZE: String(count),
    MASTER_ADDR: "127.0.0.1",
    MASTER_PORT: String(await freePort()),
  };
}

/** A port of this machine that nothing listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

function start({ script, args }: LaunchOptions, environment: NodeJS.ProcessEnv, rank: number): ChildProcess {
  const child = fork(script, args, {
    env: { ...environment, RANK: String(rank), LOCAL_RANK: String(rank) },
    execArgv: [...process.execArgv, "--import", new URL("./end_with_launcher.js", import.meta.url).href],
    stdio: rank === 0 ? ["ignore", "inherit", "inherit", "ipc"] : ["ignore", "ignore", "pipe", "ipc"],
    // Away from the terminal's Ctrl-C, which would reach them twice: a second one stops them at once.
    detached: true,
  });
  if (child.stderr) {
    const lines = createInterface({ input: child.stderr });
    lines.on("line", (line) => process.stderr.write(`[rank ${rank}] ${line}\n`));
  }
  return child;
}

/** How it ended, where it did not end well. */
async function failureOf(child: ChildProcess): Promise<string | undefined> {
  try {
    const [code, signal] = await once(child, "close");
    if (signal) return `was ended by ${signal}`;
    return code === 0 ? undefined : `ended with exit code ${code}`;
  } catch (error) {
    return `could not be started (${(error as Error).message})`;
  }
}

function send(signal: NodeJS.Signals, children: readonly ChildProcess[]): void {
  for (const child of children) child.kill(signal);
}
