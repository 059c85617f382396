import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** Reads a GPU's used memory ten times a second until `end`, which gives the most, MiB; undefined on a processor. */
export function watchGpu(device) {
  if (device === "cpu") return { end: () => undefined };
  const query = ["--query-gpu=memory.used", "--format=csv,noheader,nounits", "-lms", "100"];
  const program = spawn("nvidia-smi", query, { stdio: ["ignore", "pipe", "ignore"] });
  let most;
  program.on("error", () => {});
  createInterface({ input: program.stdout }).on("line", (line) => {
    most = Math.max(most ?? 0, Number(line));
  });
  return {
    end() {
      program.kill();
      return most;
    },
  };
}
