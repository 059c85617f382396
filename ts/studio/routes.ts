import { realpath } from "node:fs/promises";
import { createRequire } from "node:module";
import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { z } from "zod";
import { CameoError } from "../errors.js";
import { checkOptions, option } from "../options/check.js";
import { mostSubjects } from "../options/subjects.js";
import type { Engine } from "./engine.js";
import { errorAnswer, Refusal } from "./errors.js";
import type { Events } from "./events.js";
import { fileAnswer, notFound } from "./files.js";
import type { Gallery } from "./gallery.js";
import { checkSecret, checkSender, type Secrets, securityHeaders, tellToken } from "./guard.js";
import { inputNames, plainOptions } from "./inputs.js";
import type { StudioState, VideoOrder } from "./protocol.js";
import type { Queue } from "./queue.js";
import type { Runs } from "./runs.js";
import type { Uploads } from "./uploads.js";

/** What a studio is made of. */
export interface Parts {
  engine: Engine;
  events: Events;
  gallery: Gallery;
  queue: Queue;
  runs: Runs | undefined;
  secrets: Secrets;
  uploads: Uploads;
  port: () => number;
}

const maxJsonBytes = 64 * 1024;
export const maxPictureBytes = 32 * 1024 * 1024;
const maxFilmBytes = 128 * 1024 * 1024;

const pageFolder = new URL("./page/", import.meta.url);
const pageFiles = ["page.js", "page.css", "icon.svg", "licences.txt"];

const id = option(z.string().max(64).optional(), "the id of an upload");
const ids = option(z.array(z.string().max(64)).max(64).optional(), "an array of at most 64 ids");
/** The model checks the sides of a box. */
const side = z.unknown();
const region = z.union([z.string().max(64), z.strictObject({ x: side, y: side, width: side, height: side })]);
const subject = z.strictObject({
  references: ids,
  region: option(region.optional(), "a box { x, y, width, height } or the id of an upload"),
  strength: option(z.number().optional(), "a number"),
  words: option(z.string().optional(), "a text"),
});

/** What a page may ask of the model, which checks it: not the options that are functions, and no file but by an upload's id. */
const orderSchema = z.strictObject({
  ...Object.fromEntries(plainOptions.map(([name]) => [name, z.unknown().optional()])),
  ...Object.fromEntries(Object.keys(inputNames).map((name) => [name, id])),
  references: ids,
  subjects: option(
    z.array(subject).max(mostSubjects).optional(),
    `an array of at most ${mostSubjects} subjects`,
  ),
  count: option(z.int().min(1).max(16).optional(), "a whole number from 1 to 16"),
});

export function createApp(parts: Parts): Hono {
  const app = new Hono();
  app.use(securityHeaders, checkSender(parts.port));
  app.use(async (context, next) => {
    await next();
    context.header("Cache-Control", "no-store");
  });
  app.onError((error, context) => {
    const { status, body } = errorAnswer(error);
    return context.json(body, status);
  });
  app.notFound(() => {
    throw notFound();
  });
  // Before the check: the page's own code is no secret, and comes to the token by its address.
  addPage(app);
  app.post("/api/token", (context) => context.json({ token: tellToken(parts.secrets, context) }));
  app.use(checkSecret(parts.secrets, (path) => /^\/(files|api\/uploads)\//.test(path)));
  addJobs(app, parts);
  addGallery(app, parts);
  addRuns(app, parts.runs);
  return app;
}

function addPage(app: Hono): void {
  const answer = async (name: string) => {
    // An installed package may be made of links.
    return fileAnswer(await realpath(new URL(name, pageFolder)).catch(() => undefined));
  };
  app.get("/", () => answer("index.html"));
  for (const name of pageFiles) app.get(`/${name}`, () => answer(name));
  app.get("/echarts.js", () => fileAnswer(echartsPath()));
}

function addJobs(app: Hono, { engine, events, gallery, queue, runs, secrets, uploads }: Parts): void {
  const state = (): StudioState => ({
    model: engine.state,
    jobs: queue.jobs(),
    gallery: gallery.entries(),
    runs: runs !== undefined,
    fileKey: secrets.fileKey,
  });
  app.get("/api/events", (context) => events.stream(context, () => ({ type: "state", state: state() })));
  app.post("/api/uploads", limit(maxPictureBytes), async (context) => {
    return context.json(await uploads.add(await body(context)));
  });
  app.post("/api/films", limit(maxFilmBytes), async (context) => {
    return context.json(await uploads.add(await body(context), "film"));
  });
  app.get("/api/uploads/:id", (context) => {
    return fileAnswer(uploads.picture(context.req.param("id")));
  });
  app.post("/api/jobs", limit(maxJsonBytes), async (context) => {
    return context.json({ jobs: queue.add(await readOrder(context)) }, 202);
  });
  app.delete("/api/jobs/:id", (context) => {
    if (!queue.cancel(context.req.param("id"))) throw notFound();
    return context.body(null, 204);
  });
  app.post("/api/model", (context) => {
    engine.load();
    return context.body(null, 202);
  });
}

function addGallery(app: Hono, { events, gallery }: Parts): void {
  app.get("/files/:id/:name", async (context) => {
    const { id, name } = context.req.param();
    // Of HEAD nobody reads the stream that a range is sent as.
    const range = context.req.method === "HEAD" ? undefined : context.req.header("range");
    return fileAnswer(await gallery.file(id, name), range);
  });
  app.delete("/api/gallery/:id", async (context) => {
    const id = context.req.param("id");
    if (!(await gallery.delete(id))) throw notFound();
    events.emit({ type: "delete", entry: id });
    return context.body(null, 204);
  });
}

function addRuns(app: Hono, runs: Runs | undefined): void {
  if (!runs) return;
  app.get("/api/runs", async (context) => context.json(await runs.list()));
  app.get("/api/charts", async (context) => {
    return context.json(await runs.charts([...new Set(context.req.queries("run"))]));
  });
}

function limit(maxSize: number) {
  return bodyLimit({
    maxSize,
    onError() {
      const most = maxSize < 2 ** 20 ? `${maxSize / 1024} KiB` : `${maxSize / 2 ** 20} MiB`;
      throw new Refusal(413, "ERR_TOO_LARGE", `this is larger than ${most}; send something smaller`);
    },
  });
}

async function body(context: Context): Promise<Uint8Array> {
  return new Uint8Array(await context.req.arrayBuffer());
}

async function readOrder(context: Context): Promise<VideoOrder> {
  const body: unknown = await context.req.json().catch((cause) => {
    throw new CameoError("ERR_INVALID_OPTION", "the request is not JSON", { cause });
  });
  checkOptions(orderSchema, body);
  return body as VideoOrder;
}

function echartsPath(): string | undefined {
  try {
    return createRequire(import.meta.url).resolve("echarts/dist/echarts.min.js");
  } catch {
    return undefined;
  }
}
