import { once } from "node:events";
import { truncateSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "tap";

import { writeVideo } from "#ts/media/index.js";
import { prepareRequest } from "#ts/prepared_request.js";
import { clipPrompts } from "#ts/prompt_encoder.js";
import { checkPictureFiles } from "#ts/request_pictures.js";
import type { ClipTokenizer } from "#ts/tokens/tokenizer.js";
import { description } from "../support/description.js";
import { png, pngWithoutPixels } from "../support/pictures.js";
import { metadata } from "./media/helpers.js";

const encode = () => ({ ids: new Int32Array(77), kept: 1, total: 1 });
const tokenizer = clipPrompts({ encode } as unknown as ClipTokenizer);
const small = png({ width: 64, height: 64, bits: 8, values: [9] }, 1);

const prepare = (reference: string | (Buffer | string)[], signal?: AbortSignal) =>
  prepareRequest({ prompt: "a", reference, signal }, description, tokenizer);

test("pictures are bounded together, by their headers, before any is decoded", async (t) => {
  const half = pngWithoutPixels(16384, 8193);
  const message =
    /^reference 3 \(buffer of \d+ bytes\): with those before it, it has more than 268435456 pixels; scale them down$/;
  await t.rejects(prepare([small, half, half]), { code: "ERR_INVALID_IMAGE", message });
  const decoded = /^reference 2 .* it is damaged/;
  await t.rejects(prepare([small, half, small]), { code: "ERR_INVALID_IMAGE", message: decoded });
});

test("their files are bounded together", async (t) => {
  const path = join(t.testdir({ "a.png": small }), "a.png");
  truncateSync(path, 100 * 2 ** 20);
  const message =
    /^reference \d ".*a.png": it is larger than 256 MiB, alone or with the request's other pictures/;
  await t.rejects(prepare([path, path, path]), { code: "ERR_INVALID_IMAGE", message });
  const bytes = Buffer.alloc(100 * 2 ** 20);
  small.copy(bytes);
  const given =
    /^reference 3 \(buffer of \d+ bytes\): it is larger than 256 MiB, alone or with the request's other/;
  await t.rejects(prepare([bytes, bytes, bytes]), { code: "ERR_INVALID_IMAGE", message: given });
});

test("where one can't be read, the others are no longer waited for", async (t) => {
  const waiting: ServerResponse[] = [];
  let refuse = () => {};
  const server = createServer(({ url }, response) => {
    if (url === "/none.png") refuse = () => void response.writeHead(404).end();
    else waiting.push(response);
    if (waiting.length === 2) refuse();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => server.close());
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const preparing = prepare([`${base}/a.png`, `${base}/b.png`, `${base}/none.png`]);
  await t.rejects(preparing, { code: "ERR_INVALID_IMAGE", message: /^reference 3 .* answered 404/ });
  await Promise.all(waiting.map((response) => response.closed || once(response, "close")));
  t.pass("the server was hung up on");
});

test("references are looked at before there is a model", async (t) => {
  const folder = t.testdir({ "a.png": small, "b.png": "text" });
  const [good, bad] = [join(folder, "a.png"), join(folder, "b.png")];
  await t.resolves(checkPictureFiles({}));
  await t.resolves(checkPictureFiles({ reference: [good, small, "https://example.org/a.png"] }));
  const code = "ERR_INVALID_IMAGE";
  await t.rejects(checkPictureFiles({ reference: [good, bad] }), {
    code,
    message: /^reference 2 ".*b.png": /,
  });
  await t.rejects(checkPictureFiles({ reference: "none.png" }), {
    code,
    message: /^reference "none.png": no such file/,
  });
});

test("a film has as many frames as its request, or one for all where that makes sense", async (t) => {
  const inpainting = { ...description, subject: false, image: true, mask: true };
  const film = (count: number) => ({
    data: new Uint8Array(3 * 64 * 64 * count).fill(255),
    frames: count,
    width: 64,
    height: 64,
  });
  const request = (masks: number) => ({ prompt: "a", image: small, mask: film(masks), frames: 4 });
  for (const masks of [1, 4]) {
    const { native } = await prepareRequest(request(masks), inpainting, tokenizer);
    t.equal(native.pictures.mask?.length, masks);
    t.equal(native.pictures.image?.length, 1);
    await t.resolves(checkPictureFiles(request(masks)));
  }
  const code = "ERR_INVALID_OPTION";
  const message =
    /^mask \(3 frames of 64x64\) has 3 frames and the request 4; give a film of as many, or a single/;
  await t.rejects(prepareRequest(request(3), inpainting, tokenizer), { code, message });
  await t.rejects(checkPictureFiles(request(3)), { code, message });
  const none = prepareRequest({ ...request(1), mask: [] as never }, inpainting, tokenizer);
  await t.rejects(none, { code, message: /^mask: \[\] is not allowed; it must be a film: the path of one/ });
});

test("a mask that has nothing white is refused, before there is a model where it is here", async (t) => {
  const inpainting = { ...description, image: true, mask: true };
  const raw = (...levels: number[]) => ({
    data: Uint8Array.from(levels.flatMap((level) => Array(3 * 64 * 64).fill(level))),
    ...{ frames: levels.length, width: 64, height: 64 },
  });
  const pixels = (level: number) => ({ data: raw(level).data, width: 64, height: 64 });
  const folder = t.testdir();
  const saved = async (name: string, ...levels: number[]) => {
    const { data: frames, frames: count, ...size } = raw(...levels);
    await writeVideo(join(folder, name), { frames, count, ...size, fps: 8 }, metadata);
    return join(folder, name);
  };
  const black = [
    pixels(0),
    pixels(127),
    raw(0, 0),
    [pixels(0), pixels(9)],
    await saved("a.png", 0),
    await saved("a.gif", 0, 16),
    await saved("a.mp4", 0, 16),
  ];
  const white = [pixels(128), raw(0, 255), [pixels(0), pixels(255)], await saved("b.mp4", 0, 255)];
  const own = { prompt: "a", reference: small, image: small, frames: 2 };
  const kinds = [
    { name: "mask", request: (mask: object | string) => ({ ...own, mask: mask as string }) },
    {
      name: "subjects[0].region",
      request: (region: object | string) => ({
        ...{ prompt: "a", frames: 2, subjects: [{ reference: small, region: region as string }] },
      }),
    },
  ];
  for (const { name, request } of kinds) {
    const refused = {
      code: "ERR_INVALID_OPTION",
      message: new RegExp(`^${name.replace(/[[\]]/g, "\\$&")}: nothing in it is white, so .*; make white `),
    };
    for (const [i, mask] of black.entries()) {
      await t.rejects(checkPictureFiles(request(mask)), refused, `${name} ${i}, before`);
      await t.rejects(
        prepareRequest(request(mask), inpainting, tokenizer),
        refused,
        `${name} ${i}, prepared`,
      );
    }
    for (const mask of white) await t.resolves(checkPictureFiles(request(mask)), name);
    await t.resolves(checkPictureFiles(request("https://example.org/a.png")), "what would be fetched");
    await t.resolves(checkPictureFiles({ ...request(pixels(0)), fit: "contain" }), "white may be added");
  }
  await t.resolves(checkPictureFiles({ ...own, mask: pixels(0), expand: { left: 8 } }), "white is added");
});

test("closing ends the decoding, too", async (t) => {
  const closing = new AbortController();
  const inpainting = { ...description, subject: false, image: true, mask: true };
  const reading = prepareRequest(
    { prompt: "a", image: small, mask: small, frames: 4 },
    inpainting,
    tokenizer,
    async (work) => {
      closing.abort();
      return work();
    },
    closing.signal,
  );
  await t.rejects(reading, { code: "ERR_ABORTED" });
});
