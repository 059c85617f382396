import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { test } from "tap";
import { Studio } from "#ts/studio/index.js";
import type { GalleryEntry, Job, TrainingRun } from "#ts/studio/protocol.js";
import { pngWithoutPixels } from "../../support/pictures.js";
import { Client, endless, model, small, startStudio, writeMetrics } from "./helpers.js";

const load = { ...model, device: "cpu" } as const;

test("what a killed studio left unfinished is removed after a day", async (t) => {
  const [old, recent] = [".20250101-000000-abcdef.tmp", ".20250101-000000-abcde0.tmp"];
  const output = join(t.testdir({ gallery: { [old]: { "video.mp4": "" }, [recent]: {} } }), "gallery");
  const yesterday = Date.now() / 1000 - 25 * 3600;
  utimesSync(join(output, old), yesterday, yesterday);
  await startStudio(t, { output });
  t.strictSame(readdirSync(output), [recent]);
});

test("says what is wrong with a request", async (t) => {
  const studio = await startStudio(t);
  await studio.until(({ model: { state } }) => state === "ready");
  const reference = await studio.upload();
  const references = [reference];
  const wrong: [unknown, RegExp][] = [
    ["no JSON", /^the request is not JSON$/],
    [[], /^the options must be an object/],
    [{ ...small, references, steps: 0 }, /^steps: 0 is not allowed; it must be a whole number/],
    [{ ...small, references, prompt: undefined }, /^prompt is missing/],
    [{ ...small, references, saveLatents: "/tmp/x.safetensors" }, /^saveLatents is not an option/],
    [{ ...small, reference: "/etc/passwd" }, /^reference is not an option; did you mean references\?/],
    [{ ...small, references: ["../../etc/passwd"] }, /^reference 1 is not here any more/],
    [{ ...small, references: [] }, /^reference is missing: the subject model needs/],
    [{ ...small, references, frames: 17 }, /^frames: 17 is not allowed; it must be at most 15/],
    [
      { ...small, references, count: 100 },
      /^count: 100 is not allowed; it must be a whole number from 1 to 16/,
    ],
    ...["x", "5", null, true, false, 1.5, []].map((seed): [unknown, RegExp] => [
      { ...small, references, seed, count: 2 },
      /^seed: .* is not allowed/,
    ]),
  ];
  for (const [order, message] of wrong) {
    const body = typeof order === "string" ? order : JSON.stringify(order);
    const answer = await studio.call("/api/jobs", { method: "POST", body });
    t.equal(answer.status, 422, body);
    t.match(JSON.parse(answer.body.toString()), { code: "ERR_INVALID_OPTION", message });
  }
  const tooLong = await studio.call("/api/jobs", { method: "POST", body: `"${"x".repeat(70_000)}"` });
  t.equal(tooLong.status, 413);
  for (const path of ["/api/jobs/none", "/api/gallery/none"]) {
    t.equal((await studio.call(path, { method: "DELETE" })).status, 404, path);
  }
});

test("refuses what is no picture, or too large, without reading it all", async (t) => {
  const studio = await startStudio(t);
  const upload = (body: Uint8Array) => studio.call("/api/uploads", { method: "POST", body });
  const png = readFileSync("examples/critter.png");
  for (const [bytes, message] of [
    [Buffer.from("<svg/>"), /it is of no known format|it is SVG/],
    [png.subarray(0, 2000), /it is damaged or not supported/],
    [Buffer.alloc(0), /it is empty/],
    [pngWithoutPixels(2 ** 14, 2 ** 14), /it has more than 134217728 pixels; scale it down/],
    [pngWithoutPixels(2 ** 20, 2 ** 20), /pixels; scale it down/],
  ] as const) {
    const { status, body } = await upload(bytes);
    t.equal(status, 422);
    t.match(JSON.parse(body.toString()), { code: "ERR_INVALID_IMAGE", message });
  }
  const head = [
    "POST /api/uploads HTTP/1.1",
    `Host: 127.0.0.1:${studio.port}`,
    `Origin: ${studio.origin}`,
    `Authorization: ${studio.authorization}`,
    `Content-Length: ${2 ** 30}`,
  ];
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = connect(studio.port, "127.0.0.1", () => socket.write(`${head.join("\r\n")}\r\n\r\n`));
    socket.on("error", reject).once("data", (data) => resolve(String(data)));
    t.teardown(() => socket.destroy());
  });
  t.match(answer, /^HTTP\/1\.1 413 /);
  t.match(answer, "this is larger than 32 MiB");
});

test("makes a video, keeps it, and deletes it", async (t) => {
  const studio = await startStudio(t);
  const references = [await studio.upload()];
  t.equal(await studio.upload(), references[0], "the same picture is kept once");
  const answer = await studio.order({ ...small, references, seed: 7, negativePrompt: "" });
  t.equal(answer.status, 202);
  const [job] = JSON.parse(answer.body.toString()).jobs as Job[];
  const done = await studio.until(({ jobs }) => jobs[0]?.state === "done" || jobs[0]?.state === "failed");
  t.match(done.jobs, [{ id: job?.id, state: "done", entry: /^\d{8}-\d{6}-/, parameters: { seed: 7 } }]);
  const entry = done.gallery[0] as GalleryEntry;
  t.match(entry, {
    id: done.jobs[0]?.entry as string,
    inputs: { references: ["reference-1.png"] },
    request: { ...small, seed: 7, negativePrompt: "", guidanceScale: 8, fps: 8 },
  });
  t.equal(statSync(join(studio.output, entry.id)).mode & 0o777, 0o700, "it is this user's alone");
  t.strictSame(readdirSync(join(studio.output, entry.id)).sort(), [
    "reference-1.png",
    "request.json",
    entry.video,
  ]);
  const url = `/files/${entry.id}/${entry.video}`;
  const whole = await studio.call(url);
  t.equal(whole.headers["content-type"], "video/mp4");
  t.match(whole.body.toString("latin1", 4, 8), "ftyp");
  const part = await studio.call(url, { headers: { range: "bytes=4-7" } });
  t.equal(part.status, 206);
  t.equal(part.headers["content-range"], `bytes 4-7/${whole.body.length}`);
  t.equal(part.body.toString(), "ftyp");
  t.ok((await studio.call(url, { headers: { range: "bytes=-4" } })).body.equals(whole.body.subarray(-4)));
  t.equal((await studio.call(url, { headers: { range: "bytes=999999999-" } })).status, 416);
  t.equal((await studio.call(`/files/${entry.id}/request.json`)).status, 404);

  const again = await startStudio(t, { output: studio.output });
  t.strictSame((await again.state()).gallery, [entry], "it is there after a restart");
  const record = join(studio.output, entry.id, "request.json");
  rmSync(record);
  mkdirSync(record);
  const undeletable = await studio.call(`/api/gallery/${entry.id}`, { method: "DELETE" });
  t.equal(undeletable.status, 500);
  t.match(JSON.parse(undeletable.body.toString()), {
    code: "ERR_MEDIA",
    message: /can't be deleted: .*; delete it by hand$/,
  });
  t.strictSame((await studio.state()).gallery, [entry], "what is still there is still shown");
  rmdirSync(record);
  writeFileSync(join(studio.output, entry.id, "note.txt"), "not the gallery's");
  t.equal((await studio.call(`/api/gallery/${entry.id}`, { method: "DELETE" })).status, 204);
  t.strictSame((await studio.state()).gallery, []);
  t.strictSame(readdirSync(join(studio.output, entry.id)), ["note.txt"]);
  t.equal((await studio.call(url)).status, 404);
});

test("queues, shows progress to every tab, and cancels", async (t) => {
  const studio = await startStudio(t);
  const references = [await studio.upload()];
  await studio.order({ ...endless, references, seed: 1, count: 3 });
  // This tab closes in the middle of the run.
  for await (const event of studio.events()) if (event.type === "job" && event.job.preview) break;
  const { jobs } = await studio.until((state) => state.jobs[0]?.preview !== undefined);
  t.match(jobs, [
    {
      state: "running",
      progress: { phase: "denoise", steps: 1000, etaSeconds: Number },
      preview: /^data:image\/png;base64,/,
      parameters: { seed: 1 },
    },
    { state: "waiting", parameters: { seed: 2 } },
    { state: "waiting", parameters: { seed: 3 } },
  ]);
  t.equal(new Set(jobs.map(({ group }) => group)).size, 1);
  const answers = await Promise.all(
    Array.from({ length: 100 }, () => studio.order({ ...endless, references })),
  );
  const statuses = answers.map(({ status }) => status);
  t.equal(statuses.filter((status) => status === 202).length, 62);
  t.equal(statuses.filter((status) => status === 429).length, 38);
  t.match(JSON.parse(answers.at(-1)?.body.toString() ?? ""), {
    message: /64 videos are waiting, and 64 can/,
  });

  for (const { id } of [...(await studio.state()).jobs].slice(1).reverse()) {
    t.equal((await studio.call(`/api/jobs/${id}`, { method: "DELETE" })).status, 204);
  }
  const running = await studio.state();
  t.equal(running.jobs[0]?.state, "running");
  t.equal(running.jobs.length, 17, "what waited and was cancelled is forgotten while another runs");
  t.equal((await studio.call(`/api/jobs/${running.jobs[0]?.id}`, { method: "DELETE" })).status, 204);
  const after = await studio.until((state) => state.jobs.every(({ state }) => state === "cancelled"));
  t.ok(after.jobs.length <= 16, "what is long over is forgotten");
  t.strictSame(after.gallery, []);
  t.strictSame(readdirSync(studio.output), []);
  await studio.order({ ...small, references });
  await studio.until((state) => state.gallery.length === 1);
});

test("a model that can't be loaded is told in one line, and tried again", async (t) => {
  const studio = await startStudio(t, { load: { base: join(t.testdirName, "none"), device: "cpu" } });
  const isFailed = ({ model: { state } }: { model: { state: string } }) => state === "failed";
  t.match((await studio.until(isFailed)).model, { error: /^[^\n]*none[^\n]*$/ });
  await studio.order(small);
  const { jobs } = await studio.until((state) => state.jobs[0]?.state === "failed");
  t.match(jobs[0]?.error, /none/);
  t.equal((await studio.call("/api/model", { method: "POST" })).status, 202);
  await studio.until(isFailed);
});

test("shows the training runs below a folder", async (t) => {
  const runs = join(
    t.testdir({ runs: { a: { b: {} }, broken: { "metrics.jsonl": "no metrics\n\n" } } }),
    "runs",
  );
  writeMetrics(join(runs, "a", "b", "metrics.jsonl"), 20);
  const studio = await startStudio(t, { runs });
  const list = await studio.json<TrainingRun[]>("/api/runs");
  t.match(list, [{ name: "a/b", step: 20 }]);
  t.equal(list.length, 1);
  const charts = await studio.json<{ series: unknown[] }>("/api/charts?run=a%2Fb");
  t.ok(charts.series.length >= 3);
  t.equal((await studio.call("/api/charts?run=..%2F..")).status, 404);
  t.equal((await studio.state()).runs, true);
});

test("refuses a port that is taken and folders that can't be used; leaves nothing when it closes", async (t) => {
  const output = join(t.testdir({ file: "" }), "made", "here");
  const studio = await Studio.start({ load, output });
  const client = new Client(studio.url, output);
  t.ok(existsSync(output));
  const port = client.port;
  const refused = { code: "ERR_INVALID_OPTION" };
  await t.rejects(Studio.start({ load, output, port }), { ...refused, message: /^port \d+ .* it is taken/ });
  const file = join(t.testdirName, "file");
  await t.rejects(Studio.start({ load, output: file }), { ...refused, message: /^output: / });
  await t.rejects(Studio.start({ load, output, runs: file }), { ...refused, message: /^runs: / });
  const references = [await client.upload()];
  await client.order({ ...endless, references });
  await client.until(({ jobs }) => jobs[0]?.state === "running");
  const closing = studio.close();
  // Refused, or not heard any more.
  const late = await client.order({ ...endless, references }).catch(() => undefined);
  t.equal(late?.status ?? 503, 503);
  await closing;
  await t.rejects(client.call("/"));
  t.strictSame(readdirSync(output), []);
});
