// The utility process: a crash or a lack of memory here leaves the app's windows alone.
import { Pipeline } from "cameo";
import type { MessagePortMain } from "electron";
import type { Port } from "./protocol.js";
import { serve } from "./service.js";

function portOf(port: MessagePortMain): Port {
  return {
    post: (reply) => port.postMessage(reply),
    onRequest: (listener) => {
      port.on("message", ({ data }) => listener(data));
      port.start();
    },
    onClose: (listener) => void port.on("close", listener),
  };
}

process.parentPort.once("message", ({ ports: [port] }) => {
  if (port) void serve(portOf(port), () => Pipeline.load());
});
