// Slow: it runs the examples.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import t from "tap";
import { writeSmallModel } from "../support/small_model.js";

const { base, motion, subject } = writeSmallModel("examples");
const model = ["--base", base, "--motion", motion ?? "", "--subject", subject ?? ""];
const picture = "examples/critter.png";

function start(example: string, args: string[]): ChildProcess {
  return spawn(process.execPath, [`examples/${example}`, ...model, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
}

async function run(example: string, args: string[]) {
  const child = start(example, args);
  const out = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const)
    child[name]?.setEncoding("utf8").on("data", (text) => {
      out[name] += text;
    });
  const [code] = await once(child, "close");
  return { code, ...out };
}

t.test("script.mjs makes a video", async (t) => {
  const output = join(t.testdir(), "out.webp");
  const { code, stdout, stderr } = await run("script.mjs", [
    "--frames",
    "4",
    picture,
    "A fox dancing.",
    output,
  ]);
  t.equal(code, 0, stderr);
  t.equal(stdout, `${output}\n`);
  t.match(stderr, /^denoise 1\/30$/m);
  t.ok(existsSync(output));
});

t.test("batch.mjs makes what is not there yet, and goes on after a bad line", async (t) => {
  const folder = t.testdir({ "broken.png": "no picture", videos: { "there.webp": "" } });
  copyFileSync(picture, join(folder, "fox.png"));
  const list = join(folder, "list.csv");
  const lines = ["fox.png,A fox.,there.webp,1", "broken.png,A fox.,bad.webp,1", "fox.png,A fox.,fox.webp,2"];
  writeFileSync(list, `reference,prompt,output,seed\n${lines.join("\n")}\n`);
  const { code, stdout, stderr } = await run("batch.mjs", ["--frames", "4", list, join(folder, "videos")]);
  t.equal(code, 1);
  t.equal(stdout, `${join(folder, "videos", "fox.webp")}\n`);
  t.match(stderr, /^bad\.webp: .*broken\.png/m);
  t.same(readdirSync(join(folder, "videos")), ["fox.webp", "there.webp"]);
});

interface ServerEvent {
  event: string;
  data: Record<string, unknown>;
}

/** The events of a stream as they come. */
async function* eventsOf(response: Response): AsyncGenerator<ServerEvent> {
  let text = "";
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const [, event = "", data = ""] = text.slice(0, end).match(/^event: (.*)\ndata: (.*)$/) ?? [];
      yield { event, data: JSON.parse(data) };
      text = text.slice(end + 2);
    }
  }
}

t.test(
  "http-worker.mjs streams progress, refuses what is too much, and cancels for who hangs up",
  async (t) => {
    const server = start("http-worker.mjs", ["--port", "0", "--folder", t.testdir(), "--format", "webp"]);
    t.teardown(() => server.kill("SIGKILL"));
    const [url] = await once(createInterface({ input: server.stdout as NodeJS.ReadableStream }), "line");
    const body = readFileSync(resolve(picture));
    const post = (query: string, init: RequestInit = {}) =>
      fetch(`${url}/videos?prompt=A+fox&width=64&height=64&frames=2&${query}`, {
        method: "POST",
        body,
        ...init,
      });

    const hangUp = new AbortController();
    const endless = await post("steps=1000", { signal: hangUp.signal });
    for await (const { event } of eventsOf(endless)) if (event === "progress") break;
    hangUp.abort();

    const names: string[] = [];
    let done: Record<string, unknown> = {};
    for await (const { event, data } of eventsOf(await post("steps=2&seed=5"))) {
      names.push(event);
      if (event === "done") done = data;
    }
    t.equal(names[0], "queued");
    t.equal(names.at(-1), "done", "the request of who hung up was not in its way");
    t.ok(names.includes("progress"));
    t.equal(done.seed, 5);
    const video = await fetch(`${url}${done.path}`);
    t.equal(video.status, 200);
    t.equal(Buffer.from(await video.arrayBuffer()).toString("latin1", 8, 12), "WEBP");

    t.equal((await fetch(`${url}/videos/none.webp`)).status, 404);
    const [malformed] = await once(get(url, { path: "//" }), "response");
    t.equal(malformed.statusCode, 400);
    malformed.resume();
    let last: ServerEvent | undefined;
    for await (const event of eventsOf(await post("steps=0"))) last = event;
    t.match(last, { event: "failed", data: { code: "ERR_INVALID_OPTION", message: /^steps/ } });
    t.equal((await post("", { body: Buffer.alloc(20_000_001) })).status, 413);

    const stop = new AbortController();
    const waiting = await Promise.all(
      Array.from({ length: 8 }, () => post("steps=1000", { signal: stop.signal })),
    );
    t.same(
      waiting.map(({ status }) => status),
      Array(8).fill(200),
    );
    const refused = await post("steps=1");
    t.equal(refused.status, 503);
    t.equal(refused.headers.get("retry-after"), "60");
    stop.abort();
    server.kill("SIGTERM");
    t.same(await once(server, "exit"), [0, null]);
  },
);
