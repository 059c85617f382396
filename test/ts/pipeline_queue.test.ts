import { getEventListeners, once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate } from "node:timers/promises";
import { Pipeline, type SampleRequest } from "cameo";
import { type Test, test } from "tap";
import { writeModel } from "../support/model_folder.js";
import { png } from "../support/pictures.js";

const scheduler = { _class_name: "DDIMScheduler" };
const paths = writeModel("build/fixtures/pipeline-queue", {
  motion: "motion",
  subject: "subject",
  scheduler,
});
const size = { width: 40, height: 32 };
const pixels = { data: new Uint8Array(3 * 40 * 32), ...size };
const picture = png({ width: 64, height: 48, bits: 8, values: [200, 100, 50] }, 3);
const request: SampleRequest = { prompt: "a cat", reference: pixels, frames: 2, ...size, steps: 1, seed: 7 };

async function openPipeline(t: Test): Promise<Pipeline> {
  const pipe = await Pipeline.load({ ...paths, device: "cpu", dtype: "fp32" });
  t.teardown(() => pipe.close());
  return pipe;
}

/** A server that answers when it is told to. */
async function slowServer(t: Test) {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const asked = async () => ((await once(server, "request")) as [unknown, ServerResponse])[1];
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/a.png`, asked };
}

/** A request that computes until the returned function is called, and is computing already. */
async function startLong(pipe: Pipeline) {
  const controller = new AbortController();
  let started = () => {};
  const computing = new Promise<void>((resolve) => {
    started = resolve;
  });
  const onProgress = () => started();
  const long = pipe.sample({ ...request, steps: 1000, signal: controller.signal, onProgress });
  const ended = long.catch(({ code }) => code);
  await computing;
  return async () => {
    controller.abort();
    return ended;
  };
}

test("a reference that is slow to come holds up none of the requests made after", async (t) => {
  const pipe = await openPipeline(t);
  const { url, asked } = await slowServer(t);
  const answering = asked();
  const first = pipe.sample({ ...request, reference: url });
  const response = await answering;
  t.equal((await pipe.sample(request)).count, 2);
  t.equal((await pipe.sample({ ...request, reference: picture })).count, 2);
  response.end(picture);
  t.equal((await first).count, 2);
});

test("those that are ready are computed in the order in which they were made", async (t) => {
  const pipe = await openPipeline(t);
  const stop = await startLong(pipe);
  const done: number[] = [];
  const ready = [0, 1, 2, 3].map(async (i) => {
    await pipe.sample(request);
    done.push(i);
  });
  const { url, asked } = await slowServer(t);
  const answering = asked();
  const late = pipe.sample({ ...request, reference: url });
  (await answering).end(picture);
  for (let i = 0; i < 100; i++) await setImmediate();
  t.strictSame(done, []);
  t.equal(await stop(), "ERR_ABORTED");
  await Promise.all([...ready, late]);
  t.strictSame(done, [0, 1, 2, 3]);
});

test("those with pictures in memory are computed in the order in which they were made", async (t) => {
  const pipe = await openPipeline(t);
  // The larger a picture, the longer it takes to decode.
  const side = 3000;
  const large = png({ width: side, height: side, bits: 8, values: [200, 100, 50] }, 3);
  const references = [large, picture, pixels, large, pixels];
  const done: number[] = [];
  const all = references.map(async (reference, i) => {
    await pipe.sample({ ...request, reference });
    done.push(i);
  });
  await Promise.all(all);
  t.strictSame(done, [0, 1, 2, 3, 4]);
});

test("a request that is aborted while it waits settles before the one that computes", async (t) => {
  const pipe = await openPipeline(t);
  const stop = await startLong(pipe);
  const controller = new AbortController();
  const waiting = pipe.sample({ ...request, signal: controller.signal });
  const next = pipe.sample(request);
  await setImmediate();
  controller.abort("enough");
  await t.rejects(waiting, { code: "ERR_ABORTED", cause: "enough" });
  t.equal(await stop(), "ERR_ABORTED");
  t.equal((await next).count, 2);
});

test("one signal ends many requests, with one listener at a time and no warning of a leak", async (t) => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => warnings.push(warning);
  process.on("warning", onWarning);
  t.teardown(() => process.off("warning", onWarning));
  const pipe = await openPipeline(t);
  const { url, asked } = await slowServer(t);
  const { signal, abort } = (() => {
    const controller = new AbortController();
    return { signal: controller.signal, abort: () => controller.abort() };
  })();
  const answering = asked();
  const references = [pixels, picture, url];
  const many = Array.from({ length: 30 }, (_, i) =>
    pipe.sample({ ...request, steps: 1000, signal, reference: references[i % 3] }),
  );
  await answering;
  await setImmediate();
  t.equal(getEventListeners(signal, "abort").length, 1);
  abort();
  const codes = await Promise.all(many.map((one) => one.catch(({ code }) => code)));
  t.strictSame(codes, Array(30).fill("ERR_ABORTED"));
  t.equal(getEventListeners(signal, "abort").length, 0);
  await setImmediate();
  t.strictSame(warnings, []);
  t.equal((await pipe.sample(request)).count, 2);
});

test("closing ends those that wait and those that are being read", async (t) => {
  const pipe = await openPipeline(t);
  await startLong(pipe);
  const { url, asked } = await slowServer(t);
  const answering = asked();
  const reading = pipe.sample({ ...request, reference: url });
  const waiting = pipe.sample(request);
  const response = await answering;
  const hungUp = once(response, "close");
  const closing = pipe.close();
  const message = "the pipeline was closed before the video was done";
  await Promise.all([
    t.rejects(waiting, { code: "ERR_CLOSED" }),
    t.rejects(reading, { code: "ERR_CLOSED", message }),
    hungUp,
    closing,
  ]);
});

test("options that are none are typed errors", async (t) => {
  const pipe = await openPipeline(t);
  const message = /^the options must be an object, not null$/;
  await t.rejects(pipe.sample(null as never), { code: "ERR_INVALID_OPTION", message });
  await t.rejects(Pipeline.load(null as never), { code: "ERR_INVALID_OPTION", message });
  await t.rejects(pipe.sample(undefined as never), { code: "ERR_INVALID_OPTION" });
});
