// Slow: it runs the command line again and again.
import t from "tap";
import { cameo, events, type Finished } from "../../support/command.js";

function check(finished: Finished, name: string): Record<string, unknown> | undefined {
  return events(finished).find((event) => event.name === name);
}

const machine = ["node", "platform", "libtorch", "addon", "cuda", "memory", "cpu"];
const names = [...machine, "sharp", "webcodecs", "echarts", "run cpu"];

t.test("a machine that is set up passes, and the addon has really run", async (t) => {
  const finished = await cameo(["doctor", "--json"]);
  t.equal(finished.code, 0, finished.stderr);
  t.same(
    events(finished)
      .map(({ name }) => name)
      .filter((name) => !/^run cuda/.test(String(name))),
    names,
  );
  t.match(check(finished, "addon"), { event: "check", ok: true, detail: /runs on libtorch 2\.11\.0/ });
  t.match(check(finished, "run cpu"), {
    ok: true,
    needed: true,
    detail: /^a tiny model's video in \d+\.\d s$/,
  });
  t.equal(check(finished, "libtorch")?.remedy, undefined, "what is well needs no remedy");
});

t.test("prints one line per check", async (t) => {
  const { stdout } = await cameo(["doctor"]);
  t.ok(stdout.trim().split("\n").length >= names.length);
  t.match(stdout, new RegExp(`^ok +node +${process.versions.node}$`, "m"));
});

t.test("without libtorch it fails, and names the command that mends it", async (t) => {
  const nothing = { CAMEO_LIBTORCH: "", VIRTUAL_ENV: "", CAMEO_CACHE: t.testdir(), PATH: t.testdirName };
  const finished = await cameo(["doctor"], nothing);
  t.equal(finished.code, 1);
  t.match(finished.stdout, /^missing libtorch .*run `npx cameo libtorch install`/m);
  t.match(finished.stdout, /^missing addon /m);
});

t.test("another version of libtorch is found before it is loaded", async (t) => {
  const folder = t.testdir({
    lib: { "libc10.so": "", "libtorch_cpu.so": "" },
    "version.py": "__version__ = '2.10.0+cpu'\n",
  });
  const finished = await cameo(["doctor", "--json"], { CAMEO_LIBTORCH: folder });
  t.equal(finished.code, 1);
  t.match(check(finished, "libtorch"), {
    ok: false,
    needed: true,
    detail: /is libtorch 2\.10\.0\+cpu, and this cameo needs 2\.11\.0: unset it/,
  });
});

t.test("a damaged libtorch is found by its hashes", async (t) => {
  const name = "libtorch-2.11.0-linux-x64";
  const files = Object.fromEntries(
    ["lib/libc10.so", "lib/libtorch_cpu.so"].map((file) => [file, { bytes: 4, sha256: "0".repeat(64) }]),
  );
  const libtorch = {
    lib: { "libc10.so": "abcd", "libtorch_cpu.so": "abcd" },
    "cameo-libtorch.json": JSON.stringify({ version: "2.11.0", cuda: false, files }),
  };
  const cache = t.testdir({ cameo: { [name]: libtorch } });
  const finished = await cameo(["doctor", "--json"], { CAMEO_LIBTORCH: "", CAMEO_CACHE: cache });
  t.equal(finished.code, 1);
  t.match(check(finished, "libtorch"), {
    ok: false,
    detail: /^lib\/libc10\.so, lib\/libtorch_cpu\.so in .* is not what was installed$/,
    remedy: "run `npx cameo libtorch install --force`",
  });
});
