import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import sharp from "sharp";
import { test } from "tap";
import { checkImage, fitImage, readImage, readImageSize } from "#ts/media/index.js";
import { pngWithoutPixels } from "../../support/pictures.js";

const orange = { r: 200, g: 100, b: 50 };
const plain = () => sharp({ create: { width: 16, height: 12, channels: 3, background: orange } });
const pixel = (data: Uint8Array, i = 0) => [...data.subarray(3 * i, 3 * i + 3)];
const near = (a: number[], b: number[], by: number) =>
  a.every((value, i) => Math.abs(value - (b[i] ?? 0)) <= by);

test("reads every format into 8-bit sRGB", async (t) => {
  const lossy = { jpeg: 2, webp: 4, avif: 2 };
  const files = {
    png: plain().png(),
    jpeg: plain().jpeg({ quality: 95 }),
    webp: plain().webp(),
    avif: plain().avif(),
    gif: plain().gif(),
    tiff: plain().tiff({ compression: "lzw" }),
    "palette png": plain().png({ palette: true }),
    "16-bit png": plain().toColourspace("rgb16").png(),
    "Display P3 png": plain().withIccProfile("p3").png(),
  };
  for (const [name, file] of Object.entries(files)) {
    const image = await readImage(await file.toBuffer());
    t.strictSame([image.width, image.height, image.data.length], [16, 12, 3 * 16 * 12], name);
    const tolerance = lossy[name as keyof typeof lossy] ?? 1;
    t.ok(near(pixel(image.data, 100), [200, 100, 50], tolerance), `${name}: ${pixel(image.data, 100)}`);
  }
});

test("a grey picture becomes RGB, a CMYK one about the colours that it prints", async (t) => {
  const grey = await readImage(await plain().toColourspace("b-w").png().toBuffer());
  t.ok(near(pixel(grey.data), [128, 128, 128], 1));
  const cmyk = await plain().toColourspace("cmyk").tiff({ compression: "none" }).toBuffer();
  t.equal((await sharp(cmyk).metadata()).space, "cmyk");
  t.ok(near(pixel((await readImage(cmyk)).data), [199, 94, 21], 12));
});

test("keeps the most significant bits of 16", async (t) => {
  const data = Uint16Array.from([0, 257, 65535, 40000, 20000, 1000]);
  const raw = { width: 2, height: 1, channels: 3 as const };
  const png = await sharp(data, { raw }).toColourspace("rgb16").png().toBuffer();
  t.equal((await sharp(png).metadata()).depth, "ushort");
  const image = await readImage(png);
  t.strictSame([...image.data], [0, 1, 255, 156, 78, 3]);
});

test("puts what is transparent on white", async (t) => {
  const rgba = Uint8Array.from([255, 0, 0, 255, 255, 0, 0, 0, 0, 0, 200, 51]);
  const raw = { width: 3, height: 1, channels: 4 as const };
  const expected = [255, 0, 0, 255, 255, 255, 204, 204, 244];
  for (const format of ["png", "webp"] as const) {
    const bytes = await sharp(rgba, { raw })[format]({ lossless: true, exact: true }).toBuffer();
    t.ok(near([...(await readImage(bytes)).data], expected, 1), format);
  }
  const direct = await readImage({ data: rgba, width: 3, height: 1, channels: 4 });
  t.strictSame([...direct.data], expected);
  const canvas = await readImage({ data: new Uint8ClampedArray(rgba), width: 3, height: 1 });
  t.strictSame([...canvas.data], expected, "a canvas' ImageData needs no channels");
});

test("turns a picture as its EXIF orientation says", async (t) => {
  const [w, h] = [2, 3];
  const stored = (x: number, y: number) => 40 * (y * w + x);
  const data = Uint8Array.from({ length: 3 * w * h }, (_, i) =>
    stored(Math.floor(i / 3) % w, Math.floor(i / 3 / w)),
  );
  const shown: ((x: number, y: number) => number)[] = [
    (x, y) => stored(x, y),
    (x, y) => stored(w - 1 - x, y),
    (x, y) => stored(w - 1 - x, h - 1 - y),
    (x, y) => stored(x, h - 1 - y),
    (x, y) => stored(y, x),
    (x, y) => stored(y, h - 1 - x),
    (x, y) => stored(w - 1 - y, h - 1 - x),
    (x, y) => stored(w - 1 - y, x),
  ];
  for (const [i, value] of shown.entries()) {
    const raw = { width: w, height: h, channels: 3 as const };
    const png = await sharp(data, { raw })
      .png()
      .withMetadata({ orientation: i + 1 })
      .toBuffer();
    const image = await readImage(png);
    const [width, height] = i < 4 ? [w, h] : [h, w];
    t.strictSame([image.width, image.height], [width, height], `size of orientation ${i + 1}`);
    const expected = Array.from({ length: w * h }, (_, p) => value(p % width, Math.floor(p / width)));
    const red = expected.map((_, p) => image.data[3 * p]);
    t.strictSame(red, expected, `pixels of orientation ${i + 1}`);
  }
});

test("takes the first frame or page of several", async (t) => {
  const frames = new Uint8Array(2 * 3 * 8 * 8).fill(250, 3 * 8 * 8);
  const animation = sharp(frames, { raw: { width: 8, height: 16, channels: 3, pageHeight: 8 } });
  for (const format of ["gif", "webp"] as const) {
    const image = await readImage(await animation.clone()[format]({ loop: 0 }).toBuffer());
    t.strictSame([image.width, image.height, ...pixel(image.data)], [8, 8, 0, 0, 0], format);
  }
});

test("takes pixels as they are", async (t) => {
  const data = Uint8Array.from({ length: 12 }, (_, i) => i);
  t.equal((await readImage({ data, width: 2, height: 2 })).data, data);
  const wrong: [object, RegExp][] = [
    [{ data, width: 2, height: 3 }, /12 bytes; 2x3 needs 18 \(RGB\) or 24 \(RGBA\)/],
    [{ data, width: 2, height: 2, channels: 4 }, /12 bytes; 2x2 needs 16$/],
    [{ data, width: 12, height: 1, channels: 1 }, /channels 3 or 4/],
    [{ data, width: 0, height: 2 }, /width is 0/],
    [{ data, width: 2, height: 1.5 }, /height is 1.5/],
    [{ data, width: Number.NaN, height: 2 }, /width is NaN/],
    [{ data: [1, 2, 3], width: 1, height: 1 }, /not a Uint8Array/],
    [{ data, width: 2 ** 20, height: 2 ** 20 }, /more than 268435456 pixels/],
  ];
  for (const [source, message] of wrong) {
    await t.rejects(readImage(source as Parameters<typeof readImage>[0]), {
      code: "ERR_INVALID_IMAGE",
      message,
    });
  }
  for (const source of [null, 7, {}]) {
    const nonsense = readImage(source as unknown as string, { name: "reference 2" });
    await t.rejects(nonsense, { code: "ERR_INVALID_IMAGE", message: /^reference 2: give a path/ });
  }
});

test("reads paths and URLs", async (t) => {
  const png = await plain().png().toBuffer();
  const path = join(t.testdir({ "a b.png": png }), "a b.png");
  const data = `data:image/png;base64,${png.toString("base64")}`;
  for (const source of [path, pathToFileURL(path), pathToFileURL(path).href, data]) {
    t.strictSame(pixel((await readImage(source)).data), [200, 100, 50], String(source).slice(0, 10));
  }
});

test("says what is wrong with a path", async (t) => {
  const folder = t.testdir({ empty: "" });
  mkdirSync(join(folder, "folder.png"));
  symlinkSync("loop.png", join(folder, "loop.png"));
  const wrong: [string | URL, RegExp][] = [
    [join(folder, "none.png"), /^reference ".*none.png": no such file; check the path$/],
    [join(folder, "empty", "x.png"), /a part of the path is not a folder/],
    [join(folder, "folder.png"), /it is a folder; check the path$/],
    [join(folder, "loop.png"), /too many symbolic links/],
    [join(folder, "empty"), /it is empty/],
    ["/dev/zero", /it is a pipe or a device, not a regular file/],
    ["a\0b.png", /the path has a NUL character in it; check the path/],
    ["ftp://localhost/a.png", /ftp: URLs can't be read/],
    ["file://elsewhere/a.png", /does not name a file on this machine/],
    ["data:image/png;base64,@@@", /malformed/],
    ["data:image/png;base64,", /it is empty/],
  ];
  for (const [source, message] of wrong) {
    await t.rejects(readImage(source, { name: "reference" }), { code: "ERR_INVALID_IMAGE", message });
  }
});

test("a pipe is refused at once, as a reference and as a frame of a clip", {
  skip: process.platform === "win32",
}, async (t) => {
  const path = join(t.testdir(), "pipe.png");
  execFileSync("mkfifo", [path]);
  const error = { code: "ERR_INVALID_IMAGE", message: /it is a pipe or a device, not a regular file/ };
  // More of them than there are threads that read files.
  await Promise.all(Array.from({ length: 8 }, () => t.rejects(readImage(path), error)));
  await t.rejects(readImageSize(path), error);
  await t.rejects(checkImage(path), error);
});

test("a picture's text, given as its path, is not repeated", async (t) => {
  const base64 = Buffer.alloc(20_000, 7).toString("base64");
  const urlSafe = Buffer.alloc(600, 0xfb).toString("base64url");
  for (const source of [base64, urlSafe]) {
    const message = /^reference "[^"]{203}": that looks like base64: pass Buffer.from\(text, "base64"\)$/;
    await t.rejects(readImage(source, { name: "reference" }), { code: "ERR_INVALID_IMAGE", message });
    await t.rejects(checkImage(source, { name: "reference" }), { code: "ERR_INVALID_IMAGE", message });
  }
  for (const source of [`DATA:image/png;base64,${base64}`, `${"x/".repeat(9000)}\u{1f98a}.png`]) {
    const error = await readImage(source).catch((error) => error);
    t.equal(error.code, "ERR_INVALID_IMAGE");
    t.ok(error.message.length < 400, error.message);
  }
});

test("a picture in the wrong kind of text is told how to pass it", async (t) => {
  const bytes = await plain().png().toBuffer();
  const base64 = bytes.toString("base64");
  const folder = t.testdir({ "a.b64": base64 });
  const decode = /: it holds base64: decode it first, as with Buffer.from\(text, "base64"\)$/;
  const cases: [string | Buffer, RegExp][] = [
    [Buffer.from(base64), decode],
    [Buffer.from(bytes.toString("base64url")), decode],
    [join(folder, "a.b64"), decode],
    [
      Buffer.from(`data:image/png;base64,${base64}`),
      /: it holds the text of a data: URL: pass that as a text$/,
    ],
    [bytes.toString("latin1"), /: that looks like a picture's bytes as a text: pass them as a Buffer$/],
    [bytes.toString(), /: that looks like a picture's bytes as a text: pass them as a Buffer$/],
  ];
  for (const [source, message] of cases) {
    await t.rejects(readImage(source), { code: "ERR_INVALID_IMAGE", message });
    await t.rejects(checkImage(source), { code: "ERR_INVALID_IMAGE", message });
  }
});

test("a size is read from the header alone, as much as follows it", async (t) => {
  const folder = t.testdir({ "a.png": await plain().png().toBuffer(), "b.txt": "text" });
  const path = join(folder, "a.png");
  // More than is read of any picture.
  truncateSync(path, 300 * 2 ** 20);
  t.strictSame(await readImageSize(path), { width: 16, height: 12 });
  const turned = join(folder, "c [1]");
  writeFileSync(turned, await plain().jpeg().withMetadata({ orientation: 6 }).toBuffer());
  t.strictSame(await readImageSize(turned), { width: 12, height: 16 });
  await t.rejects(readImageSize(join(folder, "b.txt")), { code: "ERR_INVALID_IMAGE", message: /b.txt/ });
  await t.rejects(readImageSize(join(folder, "d.png")), { code: "ERR_INVALID_IMAGE", message: /no such/ });
});

test("looks at a reference without decoding it", async (t) => {
  const png = await plain().png().toBuffer();
  const folder = t.testdir({ "a.png": png, "cut.png": pngWithoutPixels(9, 9), "b.txt": "text" });
  const pixels = { data: new Uint8Array(12), width: 2, height: 2 };
  for (const source of [join(folder, "a.png"), join(folder, "cut.png"), png, pixels])
    await t.resolves(checkImage(source));
  await t.resolves(checkImage("http://127.0.0.1:1/none.png"), "what is fetched later");
  await t.resolves(checkImage(pathToFileURL(join(folder, "a.png"))));
  for (const source of [join(folder, "b.txt"), "none.png", folder, Buffer.from("x"), "ftp://a/b.png"])
    await t.rejects(checkImage(source, { name: "reference" }), {
      code: "ERR_INVALID_IMAGE",
      message: /^reference/,
    });
});

test("fetches, and says why not", async (t) => {
  const png = await plain().png().toBuffer();
  const server = createServer((request, response) => {
    if (request.url === "/a.png") response.end(png);
    else if (request.url === "/moved.png") response.writeHead(302, { location: "/a.png" }).end();
    else if (request.url === "/large.png") response.writeHead(200, { "content-length": 2 ** 30 }).write("x");
    else if (request.url === "/cut.png")
      response.writeHead(200, { "content-length": 99 }).end("x", () => server.closeAllConnections());
    else if (request.url !== "/never.png") response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  t.strictSame(pixel((await readImage(`${base}/a.png`)).data), [200, 100, 50]);
  t.strictSame(pixel((await readImage(new URL(`${base}/moved.png`))).data), [200, 100, 50]);
  const code = "ERR_INVALID_IMAGE";
  await t.rejects(readImage(`${base}/none.png`), { code, message: /the server answered 404/ });
  await t.rejects(readImage(`${base}/large.png`), { code, message: /larger than 256 MiB/ });
  await t.rejects(readImage(`${base}/cut.png`), { code, message: /can't be fetched/ });
  await t.rejects(readImage("http://127.0.0.1:1/a.png"), { code, message: /can't be fetched/ });
  const late = readImage(`${base}/never.png`, { timeoutMs: 10 });
  await t.rejects(late, { code, message: /it wasn't there within 0.01 s; try again/ });
  const controller = new AbortController();
  const pending = readImage(`${base}/never.png`, { signal: controller.signal });
  setImmediate(() => controller.abort());
  await t.rejects(pending, { code: "ERR_ABORTED", name: "AbortError" });
  await t.rejects(readImage(png, { signal: AbortSignal.abort() }), { code: "ERR_ABORTED" });
});

test("fits by cutting, by padding with white or by squashing", async (t) => {
  // Left half red, right half blue.
  const [width, height] = [8, 4];
  const data = new Uint8Array(3 * width * height);
  for (let i = 0; i < width * height; i++) data.set(i % width < 4 ? [255, 0, 0] : [0, 0, 255], 3 * i);
  const image = { data, width, height };
  t.equal(await fitImage(image, 8, 4, "cover"), image, "nothing to do: the same object");

  const cover = await fitImage(image, 4, 4, "cover");
  const rows = [0, 1, 2, 3].map((x) => pixel(cover.data, x));
  t.strictSame(
    rows,
    [
      [255, 0, 0],
      [255, 0, 0],
      [0, 0, 255],
      [0, 0, 255],
    ],
    "cut on both sides",
  );

  const contain = await fitImage(image, 8, 8, "contain");
  t.strictSame([contain.width, contain.height, contain.data.length], [8, 8, 192]);
  const column = [0, 1, 2, 5, 6, 7].map((y) => pixel(contain.data, 8 * y));
  const [white, red] = [
    [255, 255, 255],
    [255, 0, 0],
  ];
  t.strictSame(column, [white, white, red, red, white, white], "padded above and below");

  const fill = await fitImage(image, 2, 4, "fill");
  t.strictSame([fill.width, fill.height], [2, 4]);
  t.ok(near(pixel(fill.data, 0), [255, 0, 0], 20) && near(pixel(fill.data, 1), [0, 0, 255], 20));

  const larger = await fitImage(image, 32, 16, "cover");
  t.strictSame(pixel(larger.data, 0), [255, 0, 0]);
  t.equal(larger.data.length, 3 * 32 * 16);
});
