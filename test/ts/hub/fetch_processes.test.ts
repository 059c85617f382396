import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { events, startCameo } from "../../support/command.js";
import { bytesOf } from "../../support/hub_files.js";
import { blobId, HubServer } from "../../support/hub_server.js";

const server = await HubServer.start();
t.teardown(() => server[Symbol.asyncDispose]());

const file = "weights.bin";
const data = bytesOf("processes", 200_000);
const fetching = ["models", "fetch", "--json"];

/** Resolves once a request has come that `isIt`. */
async function requestCame(isIt: (request: { path: string; at: string }) => boolean): Promise<void> {
  while (!server.requests.some(isIt)) await new Promise((resolve) => setTimeout(resolve, 10));
}

function isFetched({ at }: { at: string }): boolean {
  return at === "cdn";
}

t.test("of two processes that want the same, one fetches it", async (t) => {
  const env = server.environment(t.testdir({}));
  server.add("owner/shared", { [file]: data });
  let release = () => {};
  const until = new Promise<void>((resolve) => {
    release = resolve;
  });
  server.fail(`owner/shared/${file}`, { hold: { after: 1000, until: () => until } });
  const first = startCameo([...fetching, "hf:owner/shared"], env);
  await requestCame(isFetched);
  const asked = server.take();
  const second = startCameo([...fetching, "hf:owner/shared"], env);
  await requestCame(({ path }) => path.includes("/tree/"));
  release();
  for (const { finished } of [first, second]) {
    const result = await finished;
    t.equal(result.code, 0, result.stderr);
    const done = events(result).at(-1) as { models: { path: string }[] };
    t.strictSame(readFileSync(done.models[0]?.path ?? ""), data);
  }
  t.equal([...asked, ...server.take()].filter(isFetched).length, 1);
});

t.test("what a killed process had fetched is gone on with", async (t) => {
  const home = t.testdir({});
  const env = server.environment(home);
  server.add("owner/killed", { [file]: data });
  server.fail(`owner/killed/${file}`, { hold: { after: 50_000, until: () => new Promise(() => {}) } });
  const { child, finished } = startCameo([...fetching, "hf:owner/killed"], env);
  const blobs = join(home, "hub", "models--owner--killed", "blobs");
  const partial = join(blobs, `${blobId(file, data)}.cameo.incomplete`);
  const sizeOf = () => {
    try {
      return readFileSync(partial).length;
    } catch {
      return 0;
    }
  };
  while (sizeOf() < 50_000) await new Promise((resolve) => setTimeout(resolve, 10));
  child.kill("SIGKILL");
  await finished;
  server.fail(`owner/killed/${file}`, {});
  server.take();
  const again = await startCameo([...fetching, "hf:owner/killed"], env).finished;
  t.equal(again.code, 0, again.stderr);
  t.strictSame(
    server
      .take()
      .filter(isFetched)
      .map(({ range }) => range),
    ["bytes=50000-"],
  );
  t.strictSame(readdirSync(blobs), [blobId(file, data)]);
});
