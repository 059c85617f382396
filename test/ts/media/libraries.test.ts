import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { test } from "tap";

const run = promisify(execFile);

/** Runs `script` where neither library is installed: in a copy of the built code outside of the package. */
async function withoutLibraries(folder: string, script: string): Promise<string> {
  cpSync("dist", join(folder, "dist"), { recursive: true });
  const media = pathToFileURL(join(folder, "dist", "media", "index.js")).href;
  const code = `import * as media from ${JSON.stringify(media)};
    const video = { frames: new Uint8Array(3 * 16 * 16 * 2), count: 2, width: 16, height: 16, fps: 8 };
    const metadata = { software: "cameo", parameters: {} };
    const show = ({ code, message }) => console.log(code + ": " + message);
    ${script}`;
  return (await run(process.execPath, ["--input-type=module", "-e", code], { cwd: folder })).stdout;
}

test("without the libraries, errors say how to install them", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "cameo-media-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const script = `
    await media.readImage(new Uint8Array([0xff, 0xd8, 0xff])).catch(show);
    await media.writeVideo("out.mp4", video, metadata).catch(show);
    await media.checkOutput("out.webm", 2).catch(show);
    await media.checkOutput("out.png", 1).catch(show);
    await media.checkOutput("out.avi", 2).catch(show);
    await media.writeVideo("out.gif", video, metadata).catch(show);
    const pixels = { data: new Uint8Array(12), width: 2, height: 2 };
    const image = await media.readImage(pixels);
    console.log((await media.fitImage(image, 2, 2, "cover")) === image);`;
  const lines = (await withoutLibraries(folder, script)).trim().split("\n");
  t.match(lines, [
    /^ERR_MEDIA: sharp is not installed, so pictures can't be read or written: npm install sharp$/,
    /^ERR_MEDIA: @napi-rs\/webcodecs is not installed, so MP4 and WebM can't be read or written: npm install @napi-rs\/webcodecs@~1.3.1$/,
    /^ERR_MEDIA: @napi-rs\/webcodecs is not installed/,
    /^ERR_MEDIA: sharp is not installed/,
    /^ERR_INVALID_OPTION: output "out.avi": .avi is not known; nothing can be written before: npm install sharp @napi-rs\/webcodecs@~1.3.1$/,
    /^ERR_MEDIA: sharp is not installed/,
    /^true$/,
  ]);
});

test("the version to install is the one that the package was tested with", async (t) => {
  const { optionalDependencies } = JSON.parse(readFileSync("package.json", "utf8"));
  for (const name of ["@napi-rs/webcodecs", "mediabunny"]) {
    const specifier = `"${name}@${optionalDependencies[name]}"`;
    t.ok(readFileSync("dist/media/libraries.js", "utf8").includes(specifier), specifier);
  }
});
