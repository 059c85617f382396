import { parentPort, workerData } from "node:worker_threads";
import { type WorkerTask, writeClip } from "./dataset.js";

// What this rejects with ends the thread, as its error.
parentPort?.on("message", async (index: number) => {
  await writeClip(workerData as WorkerTask, index);
  parentPort?.postMessage(index);
});
