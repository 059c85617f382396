import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "tap";
import { Uploads } from "#ts/studio/uploads.js";
import { picture } from "./helpers.js";

test("what is uploaded at once is counted together, and the same picture once", async (t) => {
  const uploads = await Uploads.open({ maxBytes: 2.5 * picture.length });
  t.teardown(() => uploads.close());
  const folder = join(
    tmpdir(),
    readdirSync(tmpdir()).find((name) => name.startsWith(`cameo-studio-${process.pid}-`)) ?? "",
  );
  // What is behind a PNG's end is not looked at.
  const others = [1, 2, 3].map((n) => Buffer.concat([picture, Buffer.from([n])]));
  const answers = await Promise.allSettled([picture, picture, ...others].map((each) => uploads.add(each)));
  t.strictSame(
    answers.map(({ status }) => status),
    ["fulfilled", "fulfilled", "fulfilled", "rejected", "rejected"],
  );
  t.match(answers[3], { reason: { status: 413, code: "ERR_TOO_LARGE" } });
  t.equal(readdirSync(folder).length, 2);
});
