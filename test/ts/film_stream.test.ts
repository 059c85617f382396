import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type FilmStream, Pipeline } from "cameo";
import t from "tap";
import { pipelineCase } from "../support/pipeline_cases.js";

const { paths, request } = pipelineCase("subject", "build/fixtures/film_stream");
const asked = { ...request, frames: 6, steps: 1 };
const pipe = await Pipeline.load({ ...paths, device: "cpu", dtype: "fp32" });
t.teardown(() => pipe.close());
const whole = await pipe.sample(asked);

async function collect(film: FilmStream, most = Number.POSITIVE_INFINITY): Promise<Uint8Array[]> {
  const frames: Uint8Array[] = [];
  for await (const frame of film) {
    frames.push(frame);
    if (frames.length === most) break;
  }
  return frames;
}

t.test("frames come one after another, and are those of the film", async (t) => {
  const film = await pipe.stream(asked);
  t.same([film.count, film.width, film.height, film.fps], [6, whole.width, whole.height, whole.fps]);
  t.same(film.request, whole.request);
  const frames = await collect(film);
  t.equal(frames.length, 6);
  t.ok(Buffer.concat(frames).equals(whole.frames));
  t.strictSame(film.warnings, whole.warnings);
  await t.rejects(collect(film), { code: "ERR_BUSY" }, "they come once");
});

t.test("only a few are ahead of whoever takes them", async (t) => {
  let decoded = 0;
  const onProgress = ({ phase, step }: { phase: string; step: number }) => {
    if (phase === "decode") decoded = step;
  };
  const film = await pipe.stream({ ...asked, onProgress });
  let taken = 0;
  for await (const _ of film) {
    taken++;
    // Whatever time the task is given, it waits.
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
    t.ok(decoded <= taken + 2, `${decoded} are decoded when ${taken} are taken`);
  }
  t.equal(taken, 6);
});

t.test("a saved stream is the saved film", async (t) => {
  const folder = t.testdir();
  for (const name of ["film.apng", "film.gif", "frame-%d.png"]) {
    await using film = await pipe.stream(asked);
    const saved = await film.save(join(folder, `stream-${name}`));
    const expected = await whole.save(join(folder, name));
    t.equal(saved.length, expected.length);
    for (const [i, path] of saved.entries()) {
      t.ok(readFileSync(path).equals(readFileSync(expected[i] as string)), path);
    }
  }
});

t.test("one that is left makes room for the next", async (t) => {
  t.equal((await collect(await pipe.stream(asked), 1)).length, 1);
  const closed = await pipe.stream(asked);
  await closed.close();
  await t.rejects(collect(closed), { code: "ERR_BUSY" });
  t.ok(Buffer.from((await pipe.sample(asked)).frames).equals(whole.frames));
});

t.test("what is wrong rejects, before the first frame or at the next", async (t) => {
  await t.rejects(pipe.stream({ ...asked, steps: 0 }), { code: "ERR_INVALID_OPTION" });
  const abort = new AbortController();
  const film = await pipe.stream({ ...asked, frames: 9, signal: abort.signal });
  const frames: Uint8Array[] = [];
  await t.rejects(
    async () => {
      for await (const frame of film) {
        frames.push(frame);
        abort.abort();
      }
    },
    { code: "ERR_ABORTED", name: "AbortError" },
  );
  t.ok(frames.length < 9);
  const failing = pipe.stream({
    ...asked,
    onProgress: () => {
      throw new RangeError("no");
    },
  });
  await t.rejects(failing, { name: "RangeError", message: "no" });
});
