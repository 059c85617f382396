// Videos over HTTP, with progress: node http-worker.mjs --port 8080 --folder videos/
//
//   curl -N --data-binary @me.png "http://127.0.0.1:8080/videos?prompt=A+person+waving.&steps=20"
//
// The answer is a stream of server-sent events: `queued`, many `progress`, and `done` with the path of the video, or
// `failed`. Who hangs up cancels. --base, --motion and --subject name the files of a model. It has no users and no
// passwords: put it behind something that does.
import { randomUUID } from "node:crypto";
import { createReadStream, mkdirSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Pipeline } from "cameo";

const { values } = parseArgs({
  options: {
    ...{ base: { type: "string" }, motion: { type: "string" }, subject: { type: "string" } },
    port: { type: "string", default: "8080" },
    folder: { type: "string", default: "videos" },
    format: { type: "string", default: "mp4" },
  },
});
const { port, folder, format, ...model } = values;

const mostWaiting = 8;
const mostBytes = 20_000_000;
let waiting = 0;

mkdirSync(folder, { recursive: true });
const pipe = await Pipeline.load(model);

/** The request's body, or undefined where it is larger than a picture has reason to be. */
async function readBody(request) {
  const chunks = [];
  let bytes = 0;
  // Read to its end in any case: who is still sending does not read the answer.
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes <= mostBytes) chunks.push(chunk);
  }
  return bytes <= mostBytes ? Buffer.concat(chunks) : undefined;
}

/** The numbers of the query that a request may set. */
function numbersOf(query) {
  const names = ["frames", "width", "height", "steps", "guidanceScale", "seed"];
  return Object.fromEntries(
    names.filter((name) => query.has(name)).map((name) => [name, Number(query.get(name))]),
  );
}

async function makeVideo(reference, query, response) {
  const send = (event, data) => response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  const hungUp = new AbortController();
  response.on("close", () => hungUp.abort());
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  send("queued", { ahead: waiting - 1 });
  try {
    const video = await pipe.sample({
      prompt: query.get("prompt") ?? "",
      reference,
      ...numbersOf(query),
      signal: hungUp.signal,
      onProgress: ({ phase, step, steps, etaSeconds }) =>
        send("progress", { phase, step, steps, etaSeconds }),
    });
    const name = `${randomUUID()}.${format}`;
    await video.save(join(folder, name), { signal: hungUp.signal });
    send("done", { path: `/videos/${name}`, seed: video.request.seed });
  } catch (error) {
    // The message says what to do; the code is for programs.
    send("failed", { code: error.code, message: error.message });
  }
  response.end();
}

function refuse(response, status, message, headers = {}) {
  response
    .writeHead(status, { "content-type": "text/plain", connection: "close", ...headers })
    .end(`${message}\n`);
}

const server = createServer(async (request, response) => {
  if (!URL.canParse(request.url, "http://localhost")) return refuse(response, 400, "this is no address");
  const { pathname, searchParams } = new URL(request.url, "http://localhost");
  const name = pathname.match(/^\/videos\/([\w-]+\.\w+)$/)?.[1];
  if (request.method === "GET" && name) {
    createReadStream(join(folder, name))
      .on("error", () => refuse(response, 404, "no such video"))
      .pipe(response);
    return;
  }
  if (request.method !== "POST" || pathname !== "/videos") return refuse(response, 404, "POST /videos");
  // The pipeline would queue without end, and nobody waits that long.
  if (waiting >= mostWaiting)
    return refuse(response, 503, "too many videos are waiting", { "retry-after": "60" });
  waiting++;
  try {
    const picture = await readBody(request);
    if (picture) await makeVideo(picture, searchParams, response);
    else refuse(response, 413, `at most ${mostBytes} bytes`);
  } catch {
    // Hung up while it sent the picture.
    response.destroy();
  } finally {
    waiting--;
  }
});

server.listen(Number(port), "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
process.once("SIGTERM", async () => {
  server.close();
  server.closeAllConnections();
  await pipe.close();
});
