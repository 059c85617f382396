import { setTimeout as sleep } from "node:timers/promises";

// What the tests of `launch` start: node launch_program.js TASK. Each rank does its part of the task.
const [task] = process.argv.slice(2);
const rank = Number(process.env.RANK);
const forever = 600_000;

const tasks: Record<string, () => Promise<void>> = {
  async environment() {
    const names = ["RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT", "OMP_NUM_THREADS"];
    const values = Object.fromEntries(names.map((name) => [name, process.env[name]]));
    console.log(JSON.stringify(values));
    console.error(JSON.stringify(values));
  },
  async "rank 1 fails"() {
    if (rank !== 1) return void (await sleep(forever));
    process.stderr.write("no such clip\nstopping");
    process.exitCode = 3;
  },
  async "rank 1 is killed, rank 0 holds out"() {
    process.on("SIGTERM", () => console.log("not yet"));
    if (rank === 1) process.kill(process.pid, "SIGKILL");
    await sleep(forever);
  },
  async "save when interrupted"() {
    const working = setInterval(() => {}, forever);
    let interrupts = 0;
    process.on("SIGINT", async () => {
      interrupts++;
      await sleep(500);
      console.error(`saved after ${interrupts}`);
      clearInterval(working);
      process.exitCode = 130;
    });
    console.error("ready");
  },
  async "never end"() {
    process.on("SIGINT", () => console.log("interrupted"));
    console.error(`process ${process.pid}`);
    await sleep(forever);
  },
};

await tasks[task as string]?.();
