import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import t, { type Test } from "tap";
import { fetchFromHub, listCachedModels, removeFromCache } from "#ts/hub/index.js";
import type { HubSettings } from "#ts/hub/settings.js";
import { bytesOf, motionFiles, pipelineFiles, settingsFor } from "../../support/hub_files.js";
import { HubServer, type ServedFiles } from "../../support/hub_server.js";

const server = await HubServer.start();
t.teardown(() => server[Symbol.asyncDispose]());

/** Settings with a cache that has what the names stand for. */
async function cacheWith(t: Test, ...names: string[]): Promise<HubSettings> {
  const settings = settingsFor(server, t.testdir({}));
  await fetchFromHub(names, {}, settings);
  return settings;
}

const weightBytes = 3000;

function bytesOfFiles(files: ServedFiles, names: readonly string[]): number {
  return names.reduce((total, name) => total + Buffer.from(files[name] as string).length, 0);
}

t.test("what can be loaded is listed, with the option that takes it", async (t) => {
  const pipeline = server.add("owner/pipeline", pipelineFiles("list"));
  const motion = server.add("owner/motion", motionFiles("list"), { revision: "v2" });
  server.add("owner/weights", { "a.bin": "1234", "b.bin": "12" });
  server.add("owner/language", {
    "config.json": '{"architectures": ["LlamaForCausalLM"]}',
    "model.safetensors": "",
  });
  const names = ["hf:owner/pipeline", "hf:owner/motion@v2", "hf:owner/weights/a.bin", "hf:owner/language"];
  const settings = await cacheWith(t, ...names);
  mkdirSync(join(settings.cache, "datasets--owner--data", "snapshots"), { recursive: true });
  const models = await listCachedModels(settings);
  t.strictSame(
    models.map(({ name, kind, option }) => [name, kind, option]),
    [
      ["hf:owner/motion@v2", "MotionAdapter", "--motion"],
      ["hf:owner/pipeline", "StableDiffusionPipeline", "--base"],
      ["hf:owner/weights/a.bin", "weights", null],
    ],
  );
  t.strictSame(models.map(({ commit }) => commit).slice(0, 2), [motion, pipeline]);
  t.strictSame(models[0]?.revisions, ["v2"]);
  t.equal(
    models[0]?.bytes,
    bytesOfFiles(motionFiles("list"), ["config.json", "diffusion_pytorch_model.safetensors"]),
  );
  t.equal(models[2]?.bytes, 4);
  for (const { path } of models) t.ok(existsSync(path));
  t.strictSame(await listCachedModels({ ...settings, cache: join(settings.cache, "none") }), []);
});

t.test("of a pipeline that isn't whole, its parts", async (t) => {
  server.add("owner/parts", {
    ...pipelineFiles("parts"),
    "motion/config.json": '{"_class_name": "MotionAdapter"}',
    "motion/model.bin": "m",
  });
  const settings = await cacheWith(t, "hf:owner/parts/motion");
  t.match(await listCachedModels(settings), [{ name: "hf:owner/parts/motion", kind: "MotionAdapter" }]);
});

t.test("a commit that no branch is any more is named by itself", async (t) => {
  const first = server.add("owner/moved", motionFiles("one"));
  const settings = await cacheWith(t, "hf:owner/moved");
  server.add("owner/moved", motionFiles("two"));
  await fetchFromHub(["hf:owner/moved"], {}, settings);
  const names = (await listCachedModels(settings)).map(({ name }) => name);
  t.strictSame(names.sort(), ["hf:owner/moved", `hf:owner/moved@${first}`].sort());
  for (const name of names) await fetchFromHub([name], {}, { ...settings, offline: true });
});

t.test("a repository is removed with all its commits, blobs and what was left unfinished", async (t) => {
  const files = motionFiles("whole");
  server.add("owner/whole", files);
  server.add("owner/other", motionFiles("other"));
  const settings = await cacheWith(t, "hf:owner/whole", "hf:owner/other");
  const folder = join(settings.cache, "models--owner--whole");
  writeFileSync(join(folder, "blobs", "x.cameo.incomplete"), "12345");
  const { bytes } = await removeFromCache("hf:owner/whole", settings);
  const fetched = bytesOfFiles(files, ["config.json", "diffusion_pytorch_model.safetensors"]);
  t.equal(bytes, fetched + 5 + 40);
  t.notOk(existsSync(folder));
  t.notOk(existsSync(join(settings.cache, ".locks", "models--owner--whole")));
  t.ok(existsSync(join(settings.cache, "models--owner--other")));
  await t.rejects(removeFromCache("hf:owner/whole", settings), { code: "ERR_HUB", message: /it isn't in / });
});

t.test("of a commit that is removed, what another one uses stays", async (t) => {
  const files = pipelineFiles("shared");
  const first = server.add("owner/shared", files, { revision: "v1" });
  server.add("owner/shared", { ...files, "unet/diffusion_pytorch_model.safetensors": bytesOf("new", 1000) });
  const settings = await cacheWith(t, "hf:owner/shared@v1", "hf:owner/shared");
  const folder = join(settings.cache, "models--owner--shared");
  t.strictSame(await removeFromCache("hf:owner/shared@v1", settings), {
    name: "hf:owner/shared@v1",
    bytes: weightBytes,
  });
  t.notOk(existsSync(join(folder, "snapshots", first)));
  t.strictSame(readdirSync(join(folder, "refs")), ["main"]);
  server.take();
  await fetchFromHub(["hf:owner/shared"], {}, { ...settings, offline: true });
  await t.rejects(removeFromCache("hf:owner/shared@v1", settings), { code: "ERR_HUB" });
  await removeFromCache("hf:owner/shared@main", settings);
  t.notOk(existsSync(folder));
});

t.test("a file or a folder is removed alone", async (t) => {
  server.add("owner/files", pipelineFiles("files"));
  const settings = await cacheWith(t, "hf:owner/files");
  const files = pipelineFiles("files");
  const { bytes } = await removeFromCache("hf:owner/files/vae", settings);
  t.equal(bytes, bytesOfFiles(files, ["vae/config.json", "vae/diffusion_pytorch_model.safetensors"]));
  await t.rejects(fetchFromHub(["hf:owner/files"], {}, { ...settings, offline: true }), { code: "ERR_HUB" });
  await fetchFromHub(["hf:owner/files/unet"], {}, { ...settings, offline: true });
  await t.rejects(removeFromCache("hf:owner/files/va", settings), { code: "ERR_HUB" });
  await t.rejects(removeFromCache("hf:owner/../x", settings), { code: "ERR_INVALID_OPTION" });
});

t.test("a link of a snapshot that leads elsewhere takes nothing with it", async (t) => {
  const outside = join(t.testdir({ cache: {}, "precious.bin": "x" }), "precious.bin");
  const settings = settingsFor(server, join(dirname(outside), "cache"));
  const snapshot = join(settings.cache, "models--owner--links", "snapshots", "0".repeat(40));
  mkdirSync(snapshot, { recursive: true });
  const { symlinkSync } = await import("node:fs");
  symlinkSync(outside, join(snapshot, "a.bin"));
  t.strictSame(await removeFromCache("hf:owner/links", settings), { name: "hf:owner/links", bytes: 0 });
  t.ok(existsSync(outside));
});
