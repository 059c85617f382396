import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import t, { type Test } from "tap";
import { fetchFromHub } from "#ts/hub/index.js";
import type { HubSettings } from "#ts/hub/settings.js";
import { bytesOf, motionFiles, settingsFor } from "../../support/hub_files.js";
import { blobId, type Fault, HubServer } from "../../support/hub_server.js";

const server = await HubServer.start();
t.teardown(() => server[Symbol.asyncDispose]());

const file = "weights.bin";
const data = bytesOf("weights", 300_000);

/** A repository with one file, at which something goes wrong, and an empty cache for it. */
class Faulty {
  readonly name: string;
  readonly settings: HubSettings;
  readonly #repo: string;

  constructor(t: Test, name: string, fault?: Fault) {
    this.#repo = `owner/${name}`;
    this.name = `hf:${this.#repo}`;
    server.add(this.#repo, { [file]: data });
    if (fault) this.fail(fault);
    server.take();
    this.settings = settingsFor(server, t.testdir({}));
  }

  get blobs(): string {
    return join(this.settings.cache, `models--${this.#repo.replace("/", "--")}`, "blobs");
  }

  get partial(): string {
    return join(this.blobs, `${blobId(file, data)}.cameo.incomplete`);
  }

  fail(fault: Fault): void {
    server.fail(`${this.#repo}/${file}`, fault);
  }

  leavePartial(bytes: Uint8Array): void {
    mkdirSync(this.blobs, { recursive: true });
    writeFileSync(this.partial, bytes);
  }

  /** What an earlier download left, or this one has so far. */
  sizeOfPartial(): number {
    return statSync(this.partial, { throwIfNoEntry: false })?.size ?? 0;
  }

  async fetch(options: Parameters<typeof fetchFromHub>[1] = {}): Promise<Buffer> {
    const [model] = await fetchFromHub([this.name], options, this.settings);
    return readFileSync(model?.path ?? "");
  }

  /** What was asked for of the file. */
  ranges(): (string | undefined)[] {
    const requests = server.take().filter(({ at }) => at === "cdn");
    return requests.map(({ range }) => range);
  }
}

t.test("a connection that breaks is taken up where it was", async (t) => {
  const faulty = new Faulty(t, "breaks");
  const until = async (bytes: number) => {
    while (faulty.sizeOfPartial() < bytes) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  faulty.fail({ hold: { after: 100_000, until }, breaks: true, times: 2 });
  t.strictSame(await faulty.fetch(), data);
  t.strictSame(faulty.ranges(), [undefined, "bytes=100000-", "bytes=200000-"]);
  t.strictSame(readdirSync(faulty.blobs), [blobId(file, data)]);
});

t.test("a download that was aborted is gone on with later", async (t) => {
  const never = () => new Promise<void>(() => {});
  const faulty = new Faulty(t, "later", { hold: { after: 5000, until: never } });
  const stop = new AbortController();
  const fetching = faulty.fetch({ signal: stop.signal, onProgress: () => stop.abort() });
  await t.rejects(fetching, { code: "ERR_ABORTED", name: "AbortError" });
  const there = faulty.sizeOfPartial();
  t.ok(there > 0 && there <= 5000);
  faulty.fail({});
  faulty.ranges();
  t.strictSame(await faulty.fetch(), data);
  t.strictSame(faulty.ranges(), [`bytes=${there}-`]);
  t.notOk(existsSync(faulty.partial));
});

t.test("an aborted signal asks for nothing", async (t) => {
  const faulty = new Faulty(t, "aborted");
  await t.rejects(faulty.fetch({ signal: AbortSignal.abort() }), { code: "ERR_ABORTED" });
  t.strictSame(server.take(), []);
});

t.test("what an earlier download left counts only if it is right", async (t) => {
  const damaged = new Faulty(t, "damaged");
  damaged.leavePartial(Buffer.alloc(1000));
  t.strictSame(await damaged.fetch(), data);
  t.strictSame(damaged.ranges(), ["bytes=1000-", undefined]);
  const long = new Faulty(t, "long");
  long.leavePartial(Buffer.alloc(data.length + 1));
  t.strictSame(await long.fetch(), data);
  t.strictSame(long.ranges(), [undefined]);
  const whole = new Faulty(t, "whole");
  whole.leavePartial(data);
  t.strictSame(await whole.fetch(), data);
  t.strictSame(whole.ranges(), []);
});

t.test("a server that has no ranges begins again", async (t) => {
  const faulty = new Faulty(t, "ranges", { ignoreRange: true });
  faulty.leavePartial(data.subarray(0, 1000));
  t.strictSame(await faulty.fetch(), data);
  t.strictSame(faulty.ranges(), ["bytes=1000-"]);
});

t.test("other bytes than are listed are refused, and not kept", async (t) => {
  const faulty = new Faulty(t, "wrong", { damage: true, times: 1 });
  await t.rejects(faulty.fetch(), {
    code: "ERR_HUB",
    message: /^hf:owner\/wrong: weights\.bin came damaged/,
  });
  t.strictSame(readdirSync(faulty.blobs), []);
  t.strictSame(await faulty.fetch(), data);
  const longer = new Faulty(t, "longer", { extra: true });
  await t.rejects(longer.fetch(), {
    code: "ERR_HUB",
    message: /more came of weights\.bin than its 300000 bytes/,
  });
});

t.test("a busy hub is asked again, a while", async (t) => {
  const faulty = new Faulty(t, "busy", { status: 503, times: 2 });
  t.strictSame(await faulty.fetch(), data);
  t.equal(faulty.ranges().length, 3);
  const always = new Faulty(t, "always", { status: 500 });
  await t.rejects(always.fetch(), { code: "ERR_HUB", message: /answered with 500: try again later/ });
  t.equal(always.ranges().length, 4);
  t.notOk(existsSync(always.blobs));
});

t.test("what the hub refuses says what to do", async (t) => {
  const folder = t.testdir({});
  server.add("owner/gated", motionFiles("gated"), { access: "gated" });
  server.add("owner/private", motionFiles("private"), { access: "private" });
  server.add("owner/open", motionFiles("open"));
  const wrongToken = { HF_TOKEN: "hf_wrong" };
  const refused: [string, NodeJS.ProcessEnv, RegExp][] = [
    ["hf:owner/gated", {}, /accept them on http:.*\/owner\/gated, and set HF_TOKEN to a token/],
    ["hf:owner/gated", wrongToken, /accept them on .*, and check that HF_TOKEN is of the account/],
    ["hf:owner/private", {}, /has no owner\/private, or it is private: check the name, or set HF_TOKEN/],
    ["hf:owner/private", wrongToken, /or it is private and the token that was sent may not read it/],
    ["hf:owner/none", {}, /has no owner\/none, or it is private/],
    ["hf:owner/open@v2", {}, /it has no revision v2: check what is behind the @/],
    [`hf:owner/open@${"0".repeat(40)}`, {}, /it has no revision 0000/],
  ];
  for (const [name, env, message] of refused) {
    await t.rejects(
      fetchFromHub([name], {}, settingsFor(server, folder, env)),
      { code: "ERR_HUB", message },
      name,
    );
  }
  t.notOk(existsSync(join(folder, "hub", "models--owner--gated", "blobs", blobId(file, data))));
});

t.test("without a network, what is in the cache is used", async (t) => {
  const folder = t.testdir({});
  const settings = settingsFor(server, folder);
  const commit = server.add("owner/unplugged", motionFiles("unplugged"));
  const gone = await HubServer.start();
  const { endpoint } = gone;
  await gone[Symbol.asyncDispose]();
  const unplugged = { ...settings, endpoint };
  await t.rejects(fetchFromHub(["hf:owner/unplugged"], {}, unplugged), {
    code: "ERR_HUB",
    message: /^hf:owner\/unplugged: http.* can't be reached \(ECONNREFUSED\): check the network/,
  });
  await t.rejects(fetchFromHub(["hf:owner/unplugged"], {}, { ...settings, offline: true }), {
    code: "ERR_HUB",
    message: /isn't in .*hub, or not all of it, and HF_HUB_OFFLINE forbids/,
  });
  await fetchFromHub(["hf:owner/unplugged"], {}, settings);
  for (const without of [unplugged, { ...settings, offline: true }]) {
    const [model] = await fetchFromHub(["hf:owner/unplugged"], {}, without);
    t.equal(model?.commit, commit);
  }
});

t.test("an answer that is no hub's is said to be none", async (t) => {
  let answer: [number, string] = [200, ""];
  const other = createServer((_, response) => response.writeHead(answer[0]).end(answer[1]));
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  t.teardown(() => other.close());
  const endpoint = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
  const settings = { ...settingsFor(server, t.testdir({})), endpoint };
  const sha = "../../../../etc/passwd".padEnd(40, "x");
  for (const body of [
    "<!doctype html>\n<title>Sign in</title>",
    "{}",
    "null",
    "[]",
    JSON.stringify({ sha }),
  ]) {
    answer = [200, body];
    await t.rejects(fetchFromHub(["hf:owner/x"], {}, settings), {
      code: "ERR_HUB",
      message: /is not a hub's/,
    });
  }
  answer = [404, ""];
  await t.rejects(fetchFromHub(["hf:owner/x"], {}, settings), {
    code: "ERR_HUB",
    message: /no owner\/x, or no main/,
  });
});

t.test("names in a repository that lead out of it are left alone", async (t) => {
  const settings = settingsFor(server, t.testdir({}));
  server.add("owner/evil", { "../../../../evil.bin": "x", "/evil.bin": "y", "a\\..\\evil.bin": "z" });
  await t.rejects(fetchFromHub(["hf:owner/evil"], {}, settings), {
    code: "ERR_HUB",
    message: /no weights in it/,
  });
});

t.test("what doesn't fit on the disk, or can't be written, is said before it is fetched", async (t) => {
  const full = new Faulty(t, "full");
  server.sizes.set(file, 2 ** 52);
  await t.rejects(full.fetch(), {
    code: "ERR_HUB",
    message: /^hf:owner\/full: 4504 TB have to be fetched, and .*hub has room for .*HF_HUB_CACHE/,
  });
  server.sizes.delete(file);
  t.strictSame(full.ranges(), []);
  const folder = t.testdir({ hub: "a file" });
  await t.rejects(fetchFromHub([full.name], {}, settingsFor(server, folder)), {
    code: "ERR_HUB",
    message: /it can't be kept in .*hub: .*HF_HUB_CACHE/,
  });
});
