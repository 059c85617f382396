import { existsSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { cameo, events, startCameo } from "../../support/command.js";
import { bytesOf, motionFiles, pipelineFiles } from "../../support/hub_files.js";
import { HubServer } from "../../support/hub_server.js";

const server = await HubServer.start();
t.teardown(() => server[Symbol.asyncDispose]());

t.test("fetch, list and remove", async (t) => {
  const env = server.environment(t.testdir({}));
  const commit = server.add("owner/motion", motionFiles("cli"));
  server.add("owner/sd", pipelineFiles("cli"));
  const fetched = await cameo(["models", "fetch", "hf:owner/motion", "hf:owner/sd"], env);
  t.equal(fetched.code, 0, fetched.stderr);
  const [motion = "", sd = ""] = fetched.stdout.trim().split("\n");
  t.ok(existsSync(join(motion, "config.json")) && existsSync(join(sd, "unet", "config.json")));
  t.match(fetched.stderr, /^fetch: \d.* of 14\.0 kB/);
  const listed = await cameo(["models", "list"], env);
  t.strictSame(listed.stdout.split("\n"), [
    `hf:owner/motion  5.03 kB  ${commit.slice(0, 8)}  MotionAdapter (--motion)`,
    `hf:owner/sd      9.20 kB  ${sd.slice(-40, -32)}  StableDiffusionPipeline (--base)`,
    "",
  ]);
  const removed = await cameo(["models", "remove", "hf:owner/motion", "hf:owner/sd"], env);
  t.equal(removed.stdout, "hf:owner/motion: freed 5.07 kB\nhf:owner/sd: freed 9.24 kB\n");
  t.equal((await cameo(["models", "list"], env)).stdout, "");
});

t.test("the same as JSON", async (t) => {
  const env = server.environment(t.testdir({}));
  const commit = server.add("owner/json", motionFiles("json"));
  const fetched = events(await cameo(["models", "fetch", "--json", "hf:owner/json"], env));
  t.match(fetched[0], { event: "progress", phase: "fetch", steps: 5000 });
  t.match(fetched.at(-1), { event: "done", models: [{ name: "hf:owner/json", commit }] });
  const [list] = events(await cameo(["models", "list", "--json"], env));
  t.match(list, {
    event: "done",
    models: [{ name: "hf:owner/json", revisions: ["main"], option: "--motion" }],
  });
  const [removed] = events(await cameo(["models", "remove", "--json", "hf:owner/json"], env));
  t.match(removed, { event: "done", removed: [{ name: "hf:owner/json", bytes: 5072 }] });
});

t.test("what goes wrong is one line and an exit code", async (t) => {
  const env = server.environment(t.testdir({}));
  const wrong: [string[], number, RegExp][] = [
    [["fetch", "owner/name"], 2, /^cameo: "owner\/name" is no name of a model.*write hf:owner\/name.*\n$/],
    [["fetch"], 2, /^cameo: missing required argument 'name'\n$/],
    [["fetch", "hf:owner/none"], 1, /^cameo: hf:owner\/none: .*or it is private.*\n$/],
    [["remove", "hf:owner/none"], 1, /^cameo: hf:owner\/none: it isn't in .*\n$/],
    [["fech"], 2, /Did you mean fetch\?/],
  ];
  for (const [args, code, message] of wrong) {
    const finished = await cameo(["models", ...args], env);
    t.equal(finished.code, code);
    t.match(finished.stderr, message);
    t.equal(finished.stdout, "");
  }
});

t.test("Ctrl-C ends it, and what came stays", async (t) => {
  const env = server.environment(t.testdir({}));
  server.add("owner/slow", { "a.bin": bytesOf("slow", 10_000) });
  server.fail("owner/slow/a.bin", { hold: { after: 4000, until: () => new Promise(() => {}) } });
  const { child, out, finished } = startCameo(["models", "fetch", "hf:owner/slow"], env);
  while (!out.stderr.includes("fetch:")) await new Promise((resolve) => setTimeout(resolve, 10));
  child.kill("SIGINT");
  t.equal((await finished).code, 130);
  server.fail("owner/slow/a.bin", {});
  server.take();
  t.equal((await cameo(["models", "fetch", "-q", "hf:owner/slow"], env)).code, 0);
  t.match(server.take().at(-1)?.range, /^bytes=[1-9]\d*-$/);
});
