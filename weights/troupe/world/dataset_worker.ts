import { parentPort, workerData } from "node:worker_threads";
import { type WorkerTask, writeClip } from "./dataset.js";

parentPort?.on("message", async (index: number) => {
  try {
    await writeClip(workerData as WorkerTask, index);
    parentPort?.postMessage({});
  } catch (error) {
    parentPort?.postMessage({ error });
  }
});
