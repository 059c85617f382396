import { crc32, deflateSync, gzipSync } from "node:zlib";
import sharp from "sharp";
import { test } from "tap";
import type { CameoError } from "#ts/errors.js";
import { readImage } from "#ts/media/index.js";

type Files = Record<string, Buffer>;

/** Linear congruential generator (Numerical Recipes): the same bytes on every run. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

async function wellFormed(): Promise<Files> {
  const random = generator(1);
  const data = Uint8Array.from({ length: 3 * 48 * 32 }, () => 256 * random());
  const image = sharp(data, { raw: { width: 48, height: 32, channels: 3 } });
  return {
    png: await image.clone().png().toBuffer(),
    jpeg: await image.clone().jpeg().toBuffer(),
    webp: await image.clone().webp().toBuffer(),
    avif: await image.clone().avif().toBuffer(),
    gif: await image.clone().gif().toBuffer(),
    tiff: await image.clone().tiff({ compression: "lzw" }).toBuffer(),
  };
}

function truncations(files: Files): Files {
  const cut: Files = {};
  for (const [name, bytes] of Object.entries(files)) {
    for (const part of [0.05, 0.2, 0.5, 0.8, 0.97]) {
      cut[`${name} cut at ${100 * part} %`] = bytes.subarray(0, Math.floor(part * bytes.length));
    }
  }
  return cut;
}

function pngChunk(type: string, data: Buffer, check?: number): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const [length, crc] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  crc.writeUInt32BE(check ?? crc32(body));
  return Buffer.concat([length, body, crc]);
}

/** 1-bit grey, or what `kind` (depth, colour, compression, filter, interlace) says. */
function png(width: number, height: number, pixels: Buffer, kind = [1, 0, 0, 0, 0], crc?: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set(kind, 8);
  const chunks = [pngChunk("IHDR", header, crc), pngChunk("IDAT", pixels), pngChunk("IEND", Buffer.alloc(0))];
  return Buffer.concat([Buffer.from("89504e470d0a1a0a", "hex"), ...chunks]);
}

function damagedPngs(): Files {
  const some = deflateSync(Buffer.alloc(100));
  const side = 20_000;
  return {
    "png, 2^31 - 1 wide": png(2 ** 31 - 1, 1, some),
    "png, 2^32 - 1 square": png(2 ** 32 - 1, 2 ** 32 - 1, some),
    "png, 0 wide": png(0, 8, some),
    "png, 0 high": png(8, 0, some),
    "png, wrong checksum": png(8, 8, some, undefined, 1),
    "png, depth 7": png(8, 8, some, [7, 0, 0, 0, 0]),
    "png, colour type 9": png(8, 8, some, [8, 9, 0, 0, 0]),
    "png, palette missing": png(8, 8, some, [8, 3, 0, 0, 0]),
    "png, pixels missing": png(64, 64, deflateSync(Buffer.alloc(8))),
    "png, pixels not deflated": png(8, 8, Buffer.alloc(64, 7)),
    "png, 400 megapixels in 50 kB": png(side, side, deflateSync(Buffer.alloc(side * (1 + side / 8)))),
    "png, header only": Buffer.from("89504e470d0a1a0a", "hex"),
  };
}

/** With bytes replaced. */
function patched(bytes: Buffer, at: number, hex: string): Buffer {
  const copy = Buffer.from(bytes);
  copy.write(hex, at, "hex");
  return copy;
}

function damagedOthers({ jpeg, webp, gif, tiff, avif }: Files): Files {
  const frame = jpeg?.indexOf(Buffer.from("ffc0", "hex")) ?? 0;
  const descriptor = gif?.indexOf(Buffer.from("2c0000000030002000", "hex")) ?? 0;
  const random = generator(2);
  const noise = () => Buffer.from(Uint8Array.from({ length: 400 }, () => 256 * random()));
  return {
    "jpeg, 65535 square": patched(jpeg as Buffer, frame + 5, "ffffffff"),
    "jpeg, 0 square": patched(jpeg as Buffer, frame + 5, "00000000"),
    "jpeg, no components": patched(jpeg as Buffer, frame + 9, "00"),
    "jpeg, nothing between start and end": Buffer.from("ffd8ffd9", "hex"),
    "jpeg, noise": Buffer.concat([Buffer.from("ffd8ffe0", "hex"), noise()]),
    "webp, wrong length": patched(webp as Buffer, 4, "ffffff7f"),
    "webp, noise": Buffer.concat([Buffer.from("RIFF\xff\0\0\0WEBPVP8 ", "latin1"), noise()]),
    "gif, a frame of 65535 square": patched(gif as Buffer, descriptor + 5, "ffffffff"),
    "gif, no frame": Buffer.from("474946383961080008000000003b", "hex"),
    "gif, noise": Buffer.concat([Buffer.from("GIF89a"), noise()]),
    "tiff, directory out of range": patched(tiff as Buffer, 4, "ffffff7f"),
    "tiff, noise": Buffer.concat([Buffer.from("49492a00", "hex"), noise()]),
    "avif, noise": Buffer.concat([(avif as Buffer).subarray(0, 32), noise()]),
  };
}

function notPictures(): Files {
  const entity = '<!DOCTYPE svg [<!ENTITY e SYSTEM "file:///etc/passwd">]>';
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9999999" height="9999999">';
  return {
    nothing: Buffer.alloc(0),
    "one byte": Buffer.from([0x89]),
    zeros: Buffer.alloc(1000),
    text: Buffer.from("not a picture"),
    json: Buffer.from('{"width": 8}'),
    "svg, huge": Buffer.from(`${svg}<rect width="1" height="1"/></svg>`),
    "svg, external entity": Buffer.from(`<?xml version="1.0"?>${entity}${svg}<text>&e;</text></svg>`),
    "svg, refers to a file": Buffer.from(`${svg}<image href="file:///etc/passwd"/></svg>`),
    "svg, compressed": gzipSync(`${svg}</svg>`),
    "gzip bomb": gzipSync(Buffer.alloc(2 ** 24)),
    zip: Buffer.from("504b03041400000008000000", "hex"),
    pdf: Buffer.from("%PDF-1.7\n%\xe2\xe3\n1 0 obj", "latin1"),
    bmp: Buffer.from("424d460000000000000036000000", "hex"),
    heic: Buffer.from("0000001c66747970686569630000000068656963", "hex"),
    mp4: Buffer.from("0000001c6674797069736f6d0000020069736f6d", "hex"),
    vips: Buffer.from("08f2a6b60000000800000008", "hex"),
    html: Buffer.from("<!DOCTYPE html><title>404</title>"),
    ppm: Buffer.from("P6 1 1 255\nabc"),
    csv: Buffer.from("1,2\n3,4\n"),
  };
}

test("malformed pictures are typed errors that name them", async (t) => {
  const files = await wellFormed();
  for (const [name, bytes] of Object.entries(files)) t.equal((await readImage(bytes)).width, 48, name);
  const malformed = { ...truncations(files), ...damagedPngs(), ...damagedOthers(files), ...notPictures() };
  t.ok(Object.keys(malformed).length >= 50);
  for (const [name, bytes] of Object.entries(malformed)) {
    const message = /^reference 2 \(buffer of \d+ bytes\): [^\n]{20,300}$/;
    await t.rejects(readImage(bytes, { name: "reference 2" }), { code: "ERR_INVALID_IMAGE", message }, name);
  }
});

test("pictures with flipped bits are read or refused", async (t) => {
  const random = generator(3);
  let refused = 0;
  for (const [name, bytes] of Object.entries(await wellFormed())) {
    for (let i = 0; i < 60; i++) {
      const copy = Buffer.from(bytes);
      // Half of them where the headers are.
      const at = Math.floor(random() * (i % 2 ? copy.length : Math.min(64, copy.length)));
      copy[at] = (copy[at] ?? 0) ^ (1 << Math.floor(8 * random()));
      const outcome = await readImage(copy).catch((error: CameoError) => error);
      if (outcome instanceof Error) {
        refused++;
        if (outcome.code !== "ERR_INVALID_IMAGE") t.fail(`${name}, bit at ${at}: ${outcome}`);
      } else if (outcome.data.length !== 3 * outcome.width * outcome.height) {
        t.fail(`${name}, bit at ${at}: ${outcome.data.length} bytes`);
      }
    }
  }
  t.ok(refused > 60 && refused < 360, `${refused} of 360 were refused`);
});
