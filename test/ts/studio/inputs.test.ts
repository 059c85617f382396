// Slow: it makes videos.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Test, test } from "tap";
import { png } from "../../support/pictures.js";
import { type Client, filmFile, picture, sampled, small, startStudio } from "./helpers.js";

async function ready(t: Test): Promise<Client> {
  const studio = await startStudio(t);
  await studio.until(({ model: { state } }) => state === "ready");
  return studio;
}

test("a film is kept with its facts and its first frame, which shows it", async (t) => {
  const studio = await startStudio(t);
  const film = await filmFile(5, [64, 48]);
  const kept = await studio.json<{ id: string }>("/api/films", { method: "POST", body: film });
  t.match(kept, { width: 64, height: 48, frames: 5 });
  const shown = await studio.call(`/api/uploads/${kept.id}`);
  t.equal(shown.headers["content-type"], "image/png");
  t.strictSame([shown.body.readUInt32BE(16), shown.body.readUInt32BE(20)], [64, 48]);
});

test("refuses what is no film, and leaves nothing of it", async (t) => {
  const studio = await startStudio(t);
  const before = readdirSync(tmpdir()).filter((name) => name.startsWith(`cameo-studio-${process.pid}-`));
  const [folder] = before.map((name) => join(tmpdir(), name));
  const film = await filmFile(5, [64, 48]);
  for (const [body, message] of [
    [Buffer.from("no film"), /^video is no film that can be read; give an MP4, WebM, GIF or WebP$/],
    [picture, /^video is no film that can be read/],
    [film.subarray(0, 600), /^video can't be read: /],
    [Buffer.alloc(0), /^video is no film/],
  ] as const) {
    const answer = await studio.call("/api/films", { method: "POST", body });
    t.equal(answer.status, 422);
    t.match(JSON.parse(answer.body.toString()), { code: "ERR_MEDIA", message });
  }
  t.strictSame(readdirSync(folder as string), []);
  const asPicture = await studio.call("/api/uploads", { method: "POST", body: film });
  t.match(JSON.parse(asPicture.body.toString()), { code: "ERR_INVALID_IMAGE", message: /it is MP4/ });
});

test("pictures, films, masks and regions are named by uploads alone", async (t) => {
  const studio = await ready(t);
  const references = [await studio.upload()];
  const secret = "/etc/passwd";
  for (const [inputs, message] of [
    [{ image: secret }, /^image is not here any more; add it again$/],
    [{ lastImage: secret }, /^lastImage is not here any more/],
    [{ video: secret }, /^video is not here any more/],
    [{ mask: secret }, /^mask is not here any more/],
    [{ mask: [secret] }, /^mask: .* is not allowed; it must be the id of an upload/],
    [{ image: { data: "", width: 1, height: 1 } }, /^image: .* it must be the id of an upload/],
    [
      { references: undefined, subjects: [{ references: [secret] }] },
      /^subjects\[0\]\.reference 1 is not here/,
    ],
    [
      { references: undefined, subjects: [{ reference: secret }] },
      /^subjects\[0\]\.reference is not an option/,
    ],
    [
      { references: undefined, subjects: [{ references, region: secret }] },
      /^subjects\[0\]\.region is not here any more/,
    ],
    [
      { references: undefined, subjects: [{ references, region: [secret] }] },
      /^subjects\[0\]\.region: .* is not allowed; it must be a box .* or the id of an upload/,
    ],
    [{ keyframes: { 0: secret } }, /^keyframes is not an option/],
    [{ scheduler: secret }, /^scheduler is not an option/],
  ] as const) {
    const answer = await studio.order({ ...small, references, ...inputs });
    t.equal(answer.status, 422, JSON.stringify(inputs));
    t.match(JSON.parse(answer.body.toString()), { message });
  }
});

test("says at once what the model can't do with pictures, films, subjects and length", async (t) => {
  const studio = await ready(t);
  const references = [await studio.upload()];
  const [id] = references;
  const body = await filmFile(5, [64, 48]);
  const { id: video } = await studio.json<{ id: string }>("/api/films", { method: "POST", body });
  const box = { x: 0.5, y: 0, width: 0.6, height: 1 };
  for (const [order, message] of [
    [{ video, frames: 4 }, /^video has 5 frames and the request 4; leave frames out/],
    [{ video, image: id, frames: undefined }, /^image: the video has all frames already/],
    [{ mask: id }, /^mask: there is nothing that it could leave as it is/],
    [{ strength: 0.5 }, /^strength: there is nothing to start from/],
    [{ strength: 2, video, frames: 5 }, /^strength: 2 is not allowed; it must be a number from 0 to 1/],
    [{ lastImage: id, frames: 1 }, /^lastImage: a single frame has no last one/],
    [{ subjects: [{ references }] }, /^reference: with subjects, each of them has its own/],
    [
      { references: [], subjects: [{ references, region: box }] },
      /^subjects\[0\]\.region: .* lies within it/,
    ],
    [
      { references: [], subjects: [{ references, strength: 11 }] },
      /^subjects\[0\]\.strength: 11 is not allowed/,
    ],
    [{ references: [], subjects: [] }, /^subjects: \[\] is not allowed/],
    [{ frames: 20 }, /^frames: 20 is not allowed; it must be at most 15 .* the option context has more/],
    [{ frames: 20, context: { length: 16 } }, /^context\.length: 16 is not allowed/],
    [{ context: { overlap: 2 } }, /^context: \{ overlap: 2 \} is not allowed/],
    [{ loop: "yes" }, /^loop: 'yes' is not allowed; it must be true or false/],
    [{ loop: true, noise: "freenoise" }, /^noise: "freenoise" can't make a loop/],
    [{ prompt: { 0: "a", 9: "b" } }, /^prompt: there is no frame 9 in 4 frames/],
  ] as [object, RegExp][]) {
    const answer = await studio.order({ ...small, references, ...order });
    t.equal(answer.status, 422, JSON.stringify(order));
    t.match(JSON.parse(answer.body.toString()), { code: "ERR_INVALID_OPTION", message });
  }
  t.strictSame((await studio.state()).jobs, []);
});

test("what a video is made of is passed on, kept beside it, shown and deleted with it", async (t) => {
  const requests = sampled(t);
  const studio = await ready(t);
  const reference = await studio.upload();
  const body = await filmFile(5, [64, 48]);
  const { id: video } = await studio.json<{ id: string }>("/api/films", { method: "POST", body });
  const mask = await studio.upload(png({ width: 2, height: 1, bits: 8, values: [255, 0] }, 1));
  const box = { x: 0, y: 0, width: 0.5, height: 1 };
  const subjects = [
    { references: [reference], region: box, strength: 0.5, words: "a dog" },
    { references: [reference], region: mask },
  ];
  const { frames: _, ...order } = small;
  await studio.order({ ...order, video, mask, strength: 0.5, subjects, seed: 1, context: { length: 4 } });
  const { gallery, jobs } = await studio.until(({ jobs: [job] }) => /done|failed/.test(job?.state ?? ""));
  t.match(jobs, [{ state: "done" }]);
  t.match(requests, [
    {
      ...{ strength: 0.5, context: { length: 4 }, reference: undefined },
      subjects: [
        { reference: [/\.png$/], region: box, strength: 0.5, words: "a dog" },
        { reference: [/\.png$/], region: /\.png$/ },
      ],
    },
  ]);
  const [entry] = gallery;
  const inputs = {
    subjects: [
      { references: ["subject-1-1.png"], region: box, strength: 0.5, words: "a dog" },
      { references: ["subject-2-1.png"], region: "region-2.png" },
    ],
    ...{ video: "start.mp4", mask: "mask.png" },
  };
  t.strictSame(entry?.inputs, inputs);
  t.match(entry?.request, { frames: 5, strength: 0.5, context: { length: 4, overlap: 1 } });
  t.notMatch(JSON.stringify(entry), "cameo-studio-", "no path of an upload");
  const start = await studio.call(`/files/${entry?.id}/start.mp4`);
  t.ok(start.body.equals(body), "the film as it was given");
  const again = await startStudio(t, { output: studio.output });
  t.strictSame((await again.state()).gallery, gallery, "it is there after a restart");
  t.equal((await again.call(`/api/gallery/${entry?.id}`, { method: "DELETE" })).status, 204);
  t.notOk(existsSync(join(studio.output, entry?.id as string)), "nothing is left");
});

test("prompts over time are kept; a record of before there were inputs is read", async (t) => {
  const studio = await ready(t);
  const references = [await studio.upload()];
  const prompt = { 0: "a cat", 2: "a dog" };
  await studio.order({ ...small, references, prompt, seed: 1, loop: true });
  const { gallery } = await studio.until((state) => state.gallery.length === 1);
  t.match(gallery, [{ request: { prompt, loop: true, noise: "independent" } }]);
  const [entry] = gallery;
  const path = join(studio.output, entry?.id as string, "request.json");
  const { inputs, ...older } = JSON.parse(readFileSync(path, "utf8"));
  writeFileSync(path, JSON.stringify({ ...older, references: inputs.references }));
  const again = await startStudio(t, { output: studio.output });
  t.strictSame((await again.state()).gallery, gallery);
});
