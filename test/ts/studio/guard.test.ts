import { spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Hono } from "hono";
import { test } from "tap";
import type { Refusal } from "#ts/studio/errors.js";
import { checkSender } from "#ts/studio/guard.js";
import { Studio } from "#ts/studio/index.js";
import { Client, model, small, startStudio } from "./helpers.js";

const none = { authorization: undefined };
const pageFiles = ["/", "/page.js", "/page.css", "/icon.svg", "/licences.txt", "/echarts.js"];

test("gives its page to any browser on this machine, and no cookie", async (t) => {
  const studio = await startStudio(t);
  for (const name of [...pageFiles, `/${new URL(studio.url).search}`]) {
    const { status, headers, body } = await studio.call(name, { headers: none });
    t.equal(status, 200, name);
    t.equal(headers["set-cookie"], undefined);
    t.notMatch(body.toString(), studio.token, "the token is not in it");
    t.match(headers, {
      "content-security-policy": /^default-src 'none'; script-src 'self'; style-src 'self';/,
      "x-content-type-options": "nosniff",
      "cross-origin-resource-policy": "same-origin",
      "referrer-policy": "no-referrer",
      "cache-control": "no-store",
    });
  }
  t.notMatch((await studio.call("/")).body.toString(), /https?:/, "nothing from elsewhere");
});

test("does nothing for whoever has no token", async (t) => {
  const studio = await startStudio(t);
  const wrong = [
    {},
    { authorization: studio.authorization.slice(0, -1) },
    { authorization: studio.token },
    { authorization: "Bearer " },
    { cookie: `cameo-studio-${studio.port}=${studio.token}` },
  ];
  const calls: [string, string][] = [
    ["GET", "/api/events"],
    ["GET", `/api/events?token=${studio.token}`],
    ["GET", "/files/a/b"],
    ["GET", "/api/uploads/a"],
    ["GET", "/nothing"],
    ["POST", "/api/jobs"],
    ["POST", "/api/model"],
    ["POST", "/api/uploads"],
    ["DELETE", "/api/jobs/a"],
    ["DELETE", "/api/gallery/a"],
  ];
  for (const [method, path] of calls) {
    for (const headers of wrong) {
      const { status, body } = await studio.call(path, { method, headers: { ...none, ...headers } });
      t.equal(status, 401, `${method} ${path}`);
      t.match(JSON.parse(body.toString()), { code: "ERR_TOKEN", message: /^[^\n]+$/ });
    }
  }
});

test("the code in the browser's command line is exchanged for the token, once", async (t) => {
  const output = join(t.testdir({}), "gallery");
  const studio = await Studio.start({ load: { ...model, device: "cpu" }, output });
  t.teardown(() => studio.close());
  const client = new Client(studio.url, output);
  const { origin, searchParams } = new URL(studio.browserUrl);
  t.equal(origin, client.origin);
  t.strictSame([...searchParams.keys()], ["code"]);
  t.notMatch(studio.browserUrl, client.token);
  const code = `Code ${searchParams.get("code")}`;
  const ask = async (authorization: string | undefined, headers: Record<string, string | undefined> = {}) => {
    const call = { method: "POST", headers: { authorization, ...headers } };
    const { status, body } = await client.call("/api/token", call);
    return status === 200 ? JSON.parse(body.toString()).token : status;
  };
  for (const wrong of [undefined, "", "Code ", "Code undefined", `${code}x`, code.slice(5)]) {
    t.equal(await ask(wrong), 401, String(wrong));
  }
  t.equal(await ask(code, { origin: undefined }), 403);
  t.equal(await ask(code, { origin: "http://other.example" }), 403);
  const events = await client.call("/api/jobs/none", { method: "DELETE", headers: { authorization: code } });
  t.equal(events.status, 401, "it opens nothing else");
  t.equal(await ask(code), client.token);
  t.equal(await ask(code), 401);
  t.equal(await ask("Code undefined"), 401);
  t.equal(await ask(`Bearer ${client.token}`), client.token);
  t.equal(await ask(`Bearer ${client.token}x`), 401);
});

test("the key in a picture's address opens files, and nothing else", async (t) => {
  const studio = await startStudio(t);
  const { fileKey } = await studio.state();
  const id = await studio.upload();
  const status = async (path: string, method = "GET") =>
    (await studio.call(path, { method, headers: none })).status;
  t.equal(await status(`/api/uploads/${id}?key=${fileKey}`), 200);
  t.equal(await status(`/api/uploads/${id}?key=${fileKey}`, "HEAD"), 200);
  t.equal(await status(`/api/uploads/${id}?key=${fileKey.slice(1)}`), 401);
  t.equal(await status(`/api/uploads/${id}`), 401);
  t.equal(await status(`/files/none/none?key=${fileKey}`), 404);
  for (const path of ["/api/events", "/api/runs", "/api/uploads"]) {
    t.equal(await status(`${path}?key=${fileKey}`), 401, path);
  }
  t.equal(await status(`/api/jobs?key=${fileKey}`, "POST"), 401);
  t.equal(await status(`/api/gallery/none?key=${fileKey}`, "DELETE"), 401);
  t.not(fileKey, studio.token);
});

test("refuses another Host or another Origin, whatever else is right", async (t) => {
  const studio = await startStudio(t);
  const host = new URL(studio.origin).host;
  const wrong = [
    { host: `rebound.example:${studio.port}` },
    { host: "127.0.0.1:1" },
    { host: "127.0.0.1" },
    { host: `127.0.0.1.example:${studio.port}` },
    { origin: "http://other.example" },
    { origin: `http://127.0.0.1:${studio.port + 1}` },
    { origin: "null" },
  ];
  for (const path of ["/", "/page.js", "/api/events", "/files/a/b", "/nothing"]) {
    for (const headers of wrong) {
      const { status, body } = await studio.call(path, { headers });
      t.equal(status, 403, `${path} ${JSON.stringify(headers)}`);
      t.match(JSON.parse(body.toString()), { code: /^ERR_/, message: /^[^\n]+$/ });
    }
  }
  const post = { method: "POST", body: JSON.stringify(small) };
  for (const origin of [undefined, "http://other.example", `https://${host}`]) {
    t.equal((await studio.call("/api/jobs", { ...post, headers: { origin } })).status, 403);
  }
  const name = `localhost:${studio.port}`;
  const byName = await studio.call("/", { headers: { host: name, origin: `http://${name}` } });
  t.equal(byName.status, 403, "localhost may be ::1 as well, where another user listens");
  t.match(JSON.parse(byName.body.toString()), {
    code: "ERR_HOST",
    message: `this address is not the studio's, which is http://127.0.0.1:${studio.port}/ and not localhost`,
  });
  t.strictSame((await studio.state()).jobs, []);
});

test("on HTTP's own port, browsers leave the port out", async (t) => {
  const answer = async (headers: Record<string, string>) => {
    const app = new Hono().use(checkSender(() => 80)).all("/", (context) => context.text(""));
    app.onError((error, context) => context.text("", (error as Refusal).status));
    return (await app.request("/", { method: "POST", headers })).status;
  };
  t.equal(await answer({ host: "127.0.0.1", origin: "http://127.0.0.1" }), 200);
  t.equal(await answer({ host: "localhost", origin: "http://localhost" }), 403);
  t.equal(await answer({ host: "127.0.0.1", origin: "http://127.0.0.1:81" }), 403);
  t.equal(await answer({ host: "evil.example", origin: "http://evil.example" }), 403);
});

test("gives no file but those of its gallery", async (t) => {
  const studio = await startStudio(t);
  writeFileSync(join(studio.output, "..", "secret.txt"), "secret");
  for (const path of [
    "/../secret.txt",
    "/files/../../secret.txt",
    "/files/..%2f..%2fsecret.txt/video.mp4",
    "/files/%2e%2e/secret.txt",
    "/files/20250101-000000-abcdef/..%2f..%2fsecret.txt",
    "/api/uploads/..%2f..%2fetc%2fpasswd",
    "/page.js/../../package.json",
    "/index.html",
  ]) {
    const { status, body } = await studio.call(path);
    t.equal(status, 404, path);
    t.notMatch(body.toString(), "secret\n");
  }
});

/** What a gallery keeps of a video, as its request.json has it. */
function record(id: string, video = "video.mp4", references: string[] = []) {
  return {
    ...{ id, created: "2025-01-01T00:00:00Z", warnings: [], seconds: 1, video, references },
    request: { ...small, negativePrompt: "", fps: 8, guidanceScale: 8, seed: 1 },
  };
}

test("a record that names files which no gallery writes is no entry", async (t) => {
  const id = (n: number) => `20250101-000000-0000${String(n).padStart(2, "0")}`;
  const wrong: [video: string, ...references: string[]][] = [
    ["../../secret.mp4"],
    ["credentials.json"],
    ["video.html"],
    ["video.mp4.js"],
    ["request.json"],
    ["video.mp4", "../reference-1.png"],
    ["video.mp4", "reference-1.html"],
    ["video.mp4", "reference-1.js"],
    ["video.mp4", "id.png"],
  ];
  const right: typeof wrong = [["video.webp"], ["video.png", "reference-1.tiff", "reference-12.jpeg"]];
  const folders = Object.fromEntries([...wrong, ...right].map((_, n) => [id(n), {}]));
  const output = join(t.testdir({ gallery: folders }), "gallery");
  for (const [n, [video, ...references]] of [...wrong, ...right].entries()) {
    const text = JSON.stringify(record(id(n), video, references));
    writeFileSync(join(output, id(n), "request.json"), text);
  }
  const { gallery } = await (await startStudio(t, { output })).state();
  t.strictSame(
    gallery.map((entry) => entry.id),
    [id(wrong.length + 1), id(wrong.length)],
  );
});

test("a record has what is shown of a video; an older one may lack options that came later", async (t) => {
  const id = (n: number) => `20250101-000000-00000${n}`;
  const { request, ...rest } = record("");
  const { guidanceScale: _, ...older } = request;
  const requests = [{ ...request, guidanceScale: "8" }, { ...request, seed: undefined }, request, older];
  const files = requests.map((request, n) => {
    return [id(n), { "request.json": JSON.stringify({ ...rest, id: id(n), request }) }];
  });
  const output = join(t.testdir({ gallery: Object.fromEntries(files) }), "gallery");
  const { gallery } = await (await startStudio(t, { output })).state();
  t.strictSame(
    gallery.map((entry) => entry.id),
    [id(3), id(2)],
  );
});

test("an entry's folder that became a link is not followed, nor what it leads to deleted", async (t) => {
  const id = "20250101-000000-aaaaaa";
  const folder = t.testdir({ gallery: { [id]: {} }, outside: {} });
  const output = join(folder, "gallery");
  writeFileSync(join(output, id, "request.json"), JSON.stringify(record(id)));
  writeFileSync(join(output, id, "video.mp4"), "inside");
  writeFileSync(join(folder, "outside", "video.mp4"), "outside");
  const studio = await startStudio(t, { output });
  t.equal((await studio.call(`/files/${id}/video.mp4`)).body.toString(), "inside");
  renameSync(join(output, id), join(output, "aside"));
  symlinkSync("../outside", join(output, id));
  t.equal((await studio.call(`/files/${id}/video.mp4`)).status, 404);
  const { status, body } = await studio.call(`/api/gallery/${id}`, { method: "DELETE" });
  t.equal(status, 500);
  t.match(JSON.parse(body.toString()), { code: "ERR_MEDIA", message: /it is not a folder any more/ });
  t.strictSame(readdirSync(join(folder, "outside")), ["video.mp4"]);
  rmSync(join(output, id));
  t.equal(
    (await studio.call(`/api/gallery/${id}`, { method: "DELETE" })).status,
    204,
    "nothing is left of it",
  );
  t.strictSame((await studio.state()).gallery, []);
});

test("a link in the gallery leads nowhere", async (t) => {
  const folder = t.testdir({
    gallery: { "20250101-000000-aaaaaa": {} },
    outside: {},
    "secret.mp4": "secret",
  });
  const [linked, real] = ["20250101-000000-bbbbbb", "20250101-000000-aaaaaa"];
  const output = join(folder, "gallery");
  // A folder that is a link, with all that belongs into it.
  writeFileSync(join(folder, "outside", "request.json"), JSON.stringify(record(linked)));
  writeFileSync(join(folder, "outside", "video.mp4"), "outside");
  symlinkSync("../outside", join(output, linked));
  // A video that is a link, and one that is a pipe.
  writeFileSync(join(output, real, "request.json"), JSON.stringify(record(real)));
  symlinkSync("../../secret.mp4", join(output, real, "video.mp4"));
  const studio = await startStudio(t, { output });
  t.match((await studio.state()).gallery, [{ id: real }]);
  t.equal((await studio.call(`/files/${real}/video.mp4`)).status, 404);
  t.equal((await studio.call(`/files/${linked}/video.mp4`)).status, 404);
  rmSync(join(output, real, "video.mp4"));
  t.equal(spawnSync("mkfifo", [join(output, real, "video.mp4")]).status, 0);
  t.equal((await studio.call(`/files/${real}/video.mp4`)).status, 404, "a pipe is not waited for");
  t.equal((await studio.call(`/api/gallery/${real}`, { method: "DELETE" })).status, 204);
  t.ok(existsSync(join(folder, "secret.mp4")));
});

test("a record that is far too large is not read", async (t) => {
  const id = "20250101-000000-abcdef";
  const output = join(t.testdir({ gallery: { [id]: { "request.json": "" } } }), "gallery");
  // Without blocks on the disk: it takes no room, and would take memory.
  truncateSync(join(output, id, "request.json"), 3 * 2 ** 30);
  t.strictSame((await (await startStudio(t, { output })).state()).gallery, []);
});

test("the pictures of a studio that was killed are removed by the next one, and nothing else", async (t) => {
  const { pid } = spawnSync(process.execPath, ["-e", ""]);
  const make = (of: number) => mkdtempSync(join(tmpdir(), `cameo-studio-${of}-`));
  const [dead, living, open, target] = [make(pid), make(process.pid), make(pid), t.testdir({ file: "" })];
  const link = join(tmpdir(), `cameo-studio-${pid}-linked`);
  symlinkSync(target, link);
  // No studio makes one that others may read.
  chmodSync(open, 0o755);
  const isRoot = process.getuid?.() === 0;
  const others = make(pid);
  if (isRoot) chownSync(others, 12345, 12345);
  t.teardown(() => {
    for (const path of [living, open, link, others]) rmSync(path, { recursive: true, force: true });
  });
  await startStudio(t);
  t.notOk(existsSync(dead));
  t.ok(existsSync(living));
  t.ok(existsSync(open));
  t.ok(
    existsSync(join(target, "file")) && lstatSync(link).isSymbolicLink(),
    "a link stays, and what it leads to",
  );
  if (isRoot) t.ok(existsSync(others), "another user's stays, also where root may remove it");
});

test("uploaded pictures are for this user alone", async (t) => {
  const studio = await startStudio(t);
  await studio.upload();
  const own = readdirSync(tmpdir()).filter((name) => name.startsWith(`cameo-studio-${process.pid}-`));
  t.ok(own.length > 0);
  for (const name of own) t.equal(lstatSync(join(tmpdir(), name)).mode & 0o777, 0o700);
});

test("no more connections are held than a studio's tabs may need", async (t) => {
  const { port } = await startStudio(t);
  const open = async () => {
    const socket = connect(port, "127.0.0.1").on("error", () => {});
    t.teardown(() => socket.destroy());
    await once(socket, "connect");
    return socket;
  };
  for (let i = 0; i < 256; i++) await open();
  const refused = (await open()).resume();
  await once(refused, "close");
  t.pass("it was closed at once");
});
