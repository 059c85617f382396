import { chmodSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "tap";
import { cameo, startCameo } from "../../support/command.js";
import { writeSmallModel } from "../../support/small_model.js";
import { Client } from "../studio/helpers.js";

const { base, motion = "", subject = "" } = writeSmallModel("cli-studio");
const skip = process.platform !== "linux" && "the browser is chosen by BROWSER on Linux alone";
const args = [
  "studio",
  "--no-open",
  "--base",
  base,
  "--motion",
  motion,
  "--subject",
  subject,
  "--device",
  "cpu",
];

test("prints the page's address, serves it, and ends with Ctrl-C", async (t) => {
  const output = join(t.testdir({}), "gallery");
  const { child, out, finished } = startCameo([...args, "--output", output]);
  t.teardown(() => child.kill("SIGKILL"));
  while (!out.stdout.includes("\n")) await new Promise((resolve) => setTimeout(resolve, 50));
  t.match(out.stdout, /^http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]{32}\n$/);
  const client = new Client(out.stdout.trim(), output);
  t.equal((await client.call("/")).status, 200);
  await client.until(({ model: { state } }) => state === "ready");
  child.kill("SIGINT");
  const { code, stderr } = await finished;
  t.equal(code, 0, stderr);
  t.match(stderr, `videos are kept in ${output}`);
});

test("the browser's command line doesn't hold the token", { skip }, async (t) => {
  const folder = t.testdir({
    gallery: {},
    browser: '#!/bin/sh\necho "$1" > "$0.new" && mv "$0.new" "$0.opened"\n',
  });
  chmodSync(join(folder, "browser"), 0o755);
  const environment = { BROWSER: join(folder, "browser"), DISPLAY: "" };
  const opening = args.filter((argument) => argument !== "--no-open");
  const { child, out, finished } = startCameo([...opening, "--output", join(folder, "gallery")], environment);
  t.teardown(() => child.kill("SIGKILL"));
  const opened = join(folder, "browser.opened");
  while (!existsSync(opened)) await new Promise((resolve) => setTimeout(resolve, 50));
  const { origin, searchParams } = new URL(out.stdout.trim());
  const address = readFileSync(opened, "utf8").trim();
  t.match(address, new RegExp(`^${origin}/\\?code=[\\w-]{32}$`));
  t.notMatch(address, searchParams.get("token"));
  child.kill("SIGINT");
  t.equal((await finished).code, 0);
});

test("refuses wrong options before it listens", async (t) => {
  const wrong: [string[], RegExp][] = [
    [
      ["--port", "70000"],
      /^cameo: --port: 70000 is not allowed; it must be a whole number from 0 to 65535\n$/,
    ],
    [["--device", "gpu"], /^cameo: --device: 'gpu' is not allowed/],
    [["--runs", "not/there"], /^cameo: --runs: not\/there is not a folder/],
  ];
  for (const [more, message] of wrong) {
    const { code, stdout, stderr } = await cameo([...args, "--output", t.testdir({}), ...more]);
    t.equal(code, 2);
    t.equal(stdout, "");
    t.match(stderr, message);
  }
});
