import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { type FetchProgress, fetchFromHub } from "#ts/hub/index.js";
import type { HubSettings } from "#ts/hub/settings.js";
import {
  bytesOf,
  motionFiles,
  neededOfPipeline,
  pipelineFiles,
  readAt,
  settingsFor,
} from "../../support/hub_files.js";
import { blobId, HubServer, validToken } from "../../support/hub_server.js";

const server = await HubServer.start();
t.teardown(() => server[Symbol.asyncDispose]());

/** An empty cache, and nothing asked yet. */
function emptyCache(t: Test, more: NodeJS.ProcessEnv = {}): HubSettings {
  server.take();
  return settingsFor(server, t.testdir({}), more);
}

async function fetchOne(name: string, settings: HubSettings) {
  const [model] = await fetchFromHub([name], {}, settings);
  if (model === undefined) throw new Error("nothing was fetched");
  return model;
}

/** The paths of all that is in a folder but folders. */
function filesIn(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

t.test("of a pipeline what loading needs comes, laid out as Python's client does it", async (t) => {
  const settings = emptyCache(t);
  const files = pipelineFiles("layout");
  const commit = server.add("owner/layout", files);
  const model = await fetchOne("hf:owner/layout", settings);
  const folder = join(settings.cache, "models--owner--layout");
  t.strictSame(model, { name: "hf:owner/layout", commit, path: join(folder, "snapshots", commit) });
  t.strictSame(filesIn(model.path), neededOfPipeline);
  for (const file of neededOfPipeline) {
    const data = Buffer.from(files[file] as string);
    t.strictSame(readAt(model.path, file), data);
    const up = file.includes("/") ? "../../../" : "../../";
    t.equal(readlinkSync(join(model.path, file)), `${up}blobs/${blobId(file, data)}`);
  }
  t.equal(readFileSync(join(folder, "refs", "main"), "utf8"), commit);
  t.strictSame(readdirSync(join(folder, "blobs")).length, neededOfPipeline.length);
  t.strictSame(filesIn(join(settings.cache, ".locks")), []);
});

t.test("of a MotionAdapter its config and one weight file", async (t) => {
  const settings = emptyCache(t);
  server.add("owner/motion", motionFiles("motion"));
  const { path } = await fetchOne("hf:owner/motion", settings);
  t.strictSame(filesIn(path), ["config.json", "diffusion_pytorch_model.safetensors"]);
});

t.test("a file, a folder and the only weight file of a repository are found by their names", async (t) => {
  const settings = emptyCache(t);
  server.add("owner/parts", { ...pipelineFiles("parts"), "lora/a.safetensors": "lora" });
  const file = await fetchOne("hf:owner/parts/lora/a.safetensors", settings);
  t.equal(readFileSync(file.path, "utf8"), "lora");
  const vae = await fetchOne("hf:owner/parts/vae", settings);
  t.strictSame(filesIn(vae.path), ["config.json", "diffusion_pytorch_model.safetensors"]);
  server.add("owner/only", { "README.md": "", "learned.bin": "only", "learned.safetensors": "safe" });
  const only = await fetchOne("hf:owner/only", settings);
  t.equal(readFileSync(only.path, "utf8"), "safe");
});

t.test("where several may be meant, they are listed", async (t) => {
  const settings = emptyCache(t);
  server.add("owner/several", { "human.bin": "h", "object.bin": "o", "README.md": "" });
  await t.rejects(fetchOne("hf:owner/several@main", settings), {
    code: "ERR_HUB",
    message:
      /^hf:owner\/several: there are several .*human\.bin, object\.bin: name one, as in hf:owner\/several\/human\.bin$/,
  });
  await t.rejects(fetchOne("hf:owner/several/person.bin", settings), {
    message: /no person\.bin.*human\.bin/,
  });
});

t.test("shards are fetched as their index names them, of a tree of several pages", async (t) => {
  const settings = emptyCache(t);
  const index = "diffusion_pytorch_model.safetensors.index.json";
  const shards = { "m-1.safetensors": bytesOf("1", 100), "m-2.safetensors": bytesOf("2", 100) };
  const map = { a: "m-1.safetensors", b: "m-2.safetensors" };
  const files = {
    "config.json": "{}",
    [index]: JSON.stringify({ weight_map: map }),
    "m-3.safetensors": "no",
  };
  server.add("owner/shards", { ...files, ...shards });
  server.pageSize = 2;
  const { path } = await fetchOne("hf:owner/shards", settings);
  server.pageSize = 1000;
  t.strictSame(filesIn(path), ["config.json", index, "m-1.safetensors", "m-2.safetensors"]);
  server.add("owner/lost", { ...files, "m-1.safetensors": "1" });
  await t.rejects(fetchOne("hf:owner/lost", settings), { code: "ERR_HUB", message: /m-2\.safetensors/ });
  server.add("owner/broken", { "config.json": "{}", [index]: "[" });
  await t.rejects(fetchOne("hf:owner/broken", settings), { code: "ERR_HUB", message: /is no index/ });
});

t.test("what is in the cache is asked for only where it may have changed", async (t) => {
  const settings = emptyCache(t);
  const commit = server.add("owner/asked", pipelineFiles("asked"));
  await fetchOne("hf:owner/asked", settings);
  server.take();
  await fetchOne("hf:owner/asked", settings);
  t.strictSame(
    server.take().map(({ path }) => path),
    ["/api/models/owner/asked/revision/main"],
  );
  for (const name of [`hf:owner/asked@${commit}`, `hf:owner/asked/unet@${commit}`])
    await fetchOne(name, settings);
  for (const name of ["hf:owner/asked", "hf:owner/asked/vae"])
    t.equal((await fetchOne(name, { ...settings, offline: true })).commit, commit);
  t.strictSame(server.take(), []);
});

t.test("a new commit brings what has changed", async (t) => {
  const settings = emptyCache(t);
  const files = pipelineFiles("new");
  const first = server.add("owner/new", files);
  await fetchOne("hf:owner/new", settings);
  const second = server.add("owner/new", { ...files, "vae/diffusion_pytorch_model.safetensors": "new" });
  server.take();
  const model = await fetchOne("hf:owner/new", settings);
  t.equal(model.commit, second);
  t.equal(readAt(model.path, "vae/diffusion_pytorch_model.safetensors").toString(), "new");
  const fetched = server.take().filter(({ path }) => path.includes("/resolve/"));
  t.strictSame(
    fetched.map(({ path }) => path),
    [`/owner/new/resolve/${second}/vae/diffusion_pytorch_model.safetensors`],
  );
  t.equal((await fetchOne(`hf:owner/new@${first}`, settings)).commit, first);
  t.equal((await fetchOne("hf:owner/new", { ...settings, offline: true })).commit, second);
});

t.test("branches and tags, with slashes too", async (t) => {
  const settings = emptyCache(t);
  const commit = server.add("owner/tags", motionFiles("tag"), { revision: "refs/pr/1" });
  t.equal((await fetchOne("hf:owner/tags@refs/pr/1", settings)).commit, commit);
  t.equal(readFileSync(join(settings.cache, "models--owner--tags/refs/refs/pr/1"), "utf8"), commit);
  t.equal((await fetchOne("hf:owner/tags@refs/pr/1", { ...settings, offline: true })).commit, commit);
});

t.test("without links, the files themselves are in the snapshot", async (t) => {
  const settings = emptyCache(t, { HF_HUB_DISABLE_SYMLINKS: "1" });
  const commit = server.add("owner/copies", motionFiles("copies"));
  const { path } = await fetchOne("hf:owner/copies", settings);
  for (const file of filesIn(path)) t.ok(lstatSync(join(path, file)).isFile());
  t.strictSame(readdirSync(join(settings.cache, "models--owner--copies/blobs")), []);
  server.take();
  await fetchOne(`hf:owner/copies@${commit}`, settings);
  t.strictSame(server.take(), []);
});

t.test("a blob that is there, or a link that leads nowhere", async (t) => {
  const settings = emptyCache(t);
  server.add("owner/half", motionFiles("half"));
  const { path } = await fetchOne("hf:owner/half", settings);
  const file = join(path, "diffusion_pytorch_model.safetensors");
  rmSync(file);
  server.take();
  await fetchOne("hf:owner/half", settings);
  t.notOk(server.take().some((request) => request.path.includes("/resolve/")));
  rmSync(join(settings.cache, "models--owner--half/blobs"), { recursive: true });
  t.notOk(existsSync(file));
  await fetchOne("hf:owner/half", settings);
  t.ok(existsSync(file));
});

t.test("progress is in bytes of weights, over all names", async (t) => {
  const settings = emptyCache(t);
  server.add("owner/first", { "a.bin": bytesOf("a", 3 * 2 ** 20) });
  server.add("owner/second", { "b.bin": bytesOf("b", 1000) });
  const seen: FetchProgress[] = [];
  const onProgress = (progress: FetchProgress) => void seen.push(progress);
  await fetchFromHub(["hf:owner/first", "hf:owner/second"], { onProgress }, settings);
  const steps = 3 * 2 ** 20 + 1000;
  t.ok(seen.length > 2 && seen.length < 10);
  t.ok(
    seen.every(
      (each, i) => each.phase === "fetch" && each.steps === steps && each.step > (seen[i - 1]?.step ?? -1),
    ),
  );
  t.equal(seen.at(-1)?.step, steps);
  seen.length = 0;
  await fetchFromHub(["hf:owner/first", "hf:owner/second"], { onProgress }, settings);
  t.strictSame(seen, []);
});

t.test("the token goes to the endpoint, and to no other", async (t) => {
  const settings = emptyCache(t, { HF_TOKEN: validToken });
  server.add("owner/gated", motionFiles("gated"), { access: "gated" });
  server.add("owner/private", motionFiles("private"), { access: "private" });
  await fetchFromHub(["hf:owner/gated", "hf:owner/private"], {}, settings);
  const requests = server.take();
  t.ok(requests.some(({ at }) => at === "cdn"));
  for (const { at, authorization } of requests)
    t.equal(authorization, at === "hub" ? `Bearer ${validToken}` : undefined);
});
