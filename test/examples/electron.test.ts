import { on, once } from "node:events";
import { readFileSync } from "node:fs";
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import t from "tap";
import type { Reply, Request } from "../../examples/electron/src/protocol.js";
import { writeSmallModel } from "../support/small_model.js";

const model = { ...writeSmallModel("electron"), device: "cpu" };
const reference = new Uint8Array(readFileSync("examples/critter.png"));

/** The page's end of a channel to a process that serves it. */
function openService(given: object) {
  const { port1, port2 } = new MessageChannel();
  const workerData = { port: port2, model: given };
  const worker = new Worker(new URL("electron_worker.js", import.meta.url), {
    workerData,
    transferList: [port2],
  });
  return { port: port1, worker, messages: on(port1, "message") };
}

/** The replies up to the first one for which `isLast` holds. */
async function replies(messages: Messages, isLast: (reply: Reply) => boolean): Promise<Reply[]> {
  const all: Reply[] = [];
  for (;;) {
    const { value } = await messages.next();
    const [reply] = value as [Reply];
    all.push(reply);
    if (isLast(reply)) return all;
  }
}

type Messages = ReturnType<typeof openService>["messages"];

const send = (port: MessagePort, request: Request) => port.postMessage(request);

t.test("serves a page: progress, previews, frames, and cancels", async (t) => {
  const { port, worker, messages } = openService(model);
  const ended = once(worker, "exit");
  t.same(await replies(messages, () => true), [{ type: "ready" }]);

  send(port, { type: "sample", id: 1, prompt: "A fox.", reference, frames: 4, steps: 1000 });
  await replies(messages, ({ type }) => type === "progress");
  send(port, { type: "cancel", id: 1 });
  const cancelled = (await replies(messages, ({ type }) => type === "failed")).at(-1);
  t.match(cancelled, { id: 1, code: "ERR_ABORTED" });

  send(port, { type: "sample", id: 2, prompt: "A fox.", reference, frames: 4, steps: 2 });
  const video = await replies(messages, ({ type }) => type === "done");
  t.ok(video.some((reply) => reply.type === "progress" && reply.preview));
  const frames = video.filter((reply) => reply.type === "frame");
  t.same(
    frames.map(({ index }) => index),
    Array.from({ length: frames[0]?.count ?? 0 }, (_, index) => index),
  );
  for (const { frame } of frames) t.equal(frame.data.length, 3 * frame.width * frame.height);

  send(port, { type: "sample", id: 3, prompt: "A fox.", reference, frames: 4, steps: 1000 });
  await replies(messages, ({ type }) => type === "progress");
  port.close();
  t.same(await ended, [0], "a page that goes away ends the work and its process");
});

t.test("says why there is no model", async (t) => {
  const { port, worker, messages } = openService({ base: "nowhere" });
  const [reply] = await replies(messages, () => true);
  t.match(reply, { type: "unavailable", message: /nowhere/ });
  port.close();
  await once(worker, "exit");
});
