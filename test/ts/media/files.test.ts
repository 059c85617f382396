import { execFile } from "node:child_process";
import { chmodSync, lchownSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { test } from "tap";
import { readText } from "#ts/data/sources/text.js";
import { PendingFiles, placeProblem, readRegularFile, replaceFile } from "#ts/media/files.js";
import { readVideoMetadata } from "#ts/media/index.js";

const run = promisify(execFile);

test("files appear together, whole", async (t) => {
  const folder = t.testdir({ a: "old" });
  const [a, b] = [join(folder, "a"), join(folder, "b")];
  const files = new PendingFiles(undefined);
  await files.write(a, Buffer.from("new a"));
  await files.write(b, Buffer.from("new b"));
  t.equal(readFileSync(a, "utf8"), "old", "not before they are committed");
  t.notOk(readdirSync(folder).includes("b"));
  await files.commit();
  await files.discard();
  t.strictSame(readdirSync(folder), ["a", "b"]);
  t.strictSame([readFileSync(a, "utf8"), readFileSync(b, "utf8")], ["new a", "new b"]);
});

test("what is discarded leaves nothing, and what was there is untouched", async (t) => {
  const folder = t.testdir({ a: "old" });
  const files = new PendingFiles(undefined);
  await files.write(join(folder, "a"), Buffer.from("new"));
  await files.write(join(folder, "b"), Buffer.from("new"));
  await files.discard();
  t.strictSame(readdirSync(folder), ["a"]);
  t.equal(readFileSync(join(folder, "a"), "utf8"), "old");
});

test("a failure in the middle leaves no temporary file", async (t) => {
  const folder = t.testdir({ a: "old" });
  mkdirSync(join(folder, "b"));
  const files = new PendingFiles(undefined);
  await files.write(join(folder, "b"), Buffer.from("new"));
  const message = /b can't be written: it is a folder; choose another place/;
  await t.rejects(files.commit(), { code: "ERR_MEDIA", message });
  await t.rejects(files.write(join(folder, "none", "c"), Buffer.from("c")), {
    code: "ERR_MEDIA",
    message: /none.c can't be written: the folder .*none does not exist/,
  });
  await files.discard();
  t.strictSame(readdirSync(folder), ["a", "b"]);
});

test("an aborted signal ends it", async (t) => {
  const folder = t.testdir();
  const controller = new AbortController();
  const files = new PendingFiles(controller.signal);
  await files.write(join(folder, "a"), Buffer.from("a"));
  controller.abort();
  await t.rejects(files.write(join(folder, "b"), Buffer.from("b")), { code: "ERR_ABORTED" });
  await t.rejects(files.commit(), { code: "ERR_ABORTED" });
  await files.discard();
  t.strictSame(readdirSync(folder), []);
});

test("a symbolic link stays one", async (t) => {
  const folder = t.testdir({ target: "old" });
  symlinkSync("target", join(folder, "link"));
  const files = new PendingFiles(undefined);
  await files.write(join(folder, "link"), Buffer.from("new"));
  await files.commit();
  t.ok(lstatSync(join(folder, "link")).isSymbolicLink());
  t.equal(readFileSync(join(folder, "target"), "utf8"), "new");
});

const skip = process.getuid?.() === 0 ? false : "only root can give a link to another user";

test("no link that another user made where everybody may is followed", { skip }, async (t) => {
  const folder = t.testdir({ open: {}, mine: { film: "old" } });
  chmodSync(join(folder, "open"), 0o1777);
  const places = { file: "open/film.mp4", folder: "open/folder/film" };
  symlinkSync("../mine/film", join(folder, "open", "film.mp4"));
  symlinkSync("../mine", join(folder, "open", "folder"));
  for (const name of ["film.mp4", "folder"]) lchownSync(join(folder, "open", name), 12345, 12345);
  for (const place of Object.values(places)) {
    const path = join(folder, place);
    const message = `${path} can't be written: a link that another user of this machine made leads elsewhere`;
    await t.rejects(replaceFile(path, Buffer.from("new")), { code: "ERR_MEDIA", message });
    t.match(
      placeProblem(path),
      /^a link that another user of this machine made leads elsewhere; choose another/,
    );
  }
  t.equal(readFileSync(join(folder, "mine", "film"), "utf8"), "old");
  t.strictSame(readdirSync(join(folder, "open")), ["film.mp4", "folder"]);
  for (const name of ["film.mp4", "folder"]) lchownSync(join(folder, "open", name), 0, 0);
  for (const place of Object.values(places)) {
    t.equal(placeProblem(join(folder, place)), undefined);
    await replaceFile(join(folder, place), Buffer.from(place));
    t.equal(readFileSync(join(folder, "mine", "film"), "utf8"), place, "a link of one's own is");
  }
});

test("where the file may not grow, nothing is left", { skip: process.platform === "win32" }, async (t) => {
  const folder = t.testdir({ a: "old" });
  const script = `
    import { readText } from "#ts/data/sources/text.js";
import { PendingFiles, readRegularFile } from "#ts/media/files.js";
import { readVideoMetadata } from "#ts/media/index.js";
    process.on("SIGXFSZ", () => {});
    const files = new PendingFiles(undefined);
    await files.write(process.argv[1], new Uint8Array(2 ** 20)).catch(({ code, message }) => console.log(code, message));
    await files.discard();`;
  const node = [process.execPath, "--input-type=module", "-e", script, join(folder, "a")];
  const { stdout } = await run("bash", ["-c", 'ulimit -f 64; exec "$@"', "bash", ...node]);
  t.match(
    stdout,
    /^ERR_MEDIA .*a can't be written: the file is larger than is allowed here; choose another place/,
  );
  t.strictSame(readdirSync(folder), ["a"]);
  t.equal(readFileSync(join(folder, "a"), "utf8"), "old");
});

test("what is no regular file is refused at once", { skip: process.platform === "win32" }, async (t) => {
  const folder = t.testdir({ a: "text" });
  const pipe = join(folder, "pipe");
  await run("mkfifo", [pipe]);
  const message = /it is a pipe or a device, not a regular file/;
  const readers: ((path: string) => Promise<unknown>)[] = [readRegularFile, readText, readVideoMetadata];
  for (const read of readers) {
    await t.rejects(read(pipe), { message });
    await t.rejects(read("/dev/zero"), { message });
    await t.rejects(read(folder), { message: /it is a folder/ });
    await t.resolves(read(join(folder, "a")));
  }
});
