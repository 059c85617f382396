// Stands in for the utility process: a worker thread that serves a Node MessagePort.
import { workerData } from "node:worker_threads";
import { Pipeline } from "cameo";
import { serve } from "../../examples/electron/src/service.js";

const { port, model } = workerData;
await serve(
  {
    post: (reply) => port.postMessage(reply),
    onRequest: (listener) => void port.on("message", listener),
    onClose: (listener) => void port.on("close", listener),
  },
  () => Pipeline.load(model),
);
