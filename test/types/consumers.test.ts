// Programs of users, compiled by the compilers and in the module systems that they have.
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { type Test, test } from "tap";
import { bareNode } from "../support/environment.js";

const typescript7 = "node_modules/typescript/bin/tsc";
/** The last one that knows the classic resolution of CommonJS. */
const typescript6 = "docs/api/node_modules/typescript/bin/tsc";

const body = `
export async function serve(pipe: Pipeline, signal: AbortSignal): Promise<Blob> {
  const request: SampleRequest = { prompt: "a", reference: new URL("https://example.org/a.png"), signal };
  const video: Video = await pipe.sample({ ...request, steps: pipe.describe().options.steps ?? 1 });
  const again: cameo.Video = Video.from(structuredClone(video));
  try {
    await again.save("out.mp4", { signal, onWarning: (message) => console.warn(message) });
  } catch (error) {
    if (error instanceof CameoError) console.error(error.code, JSON.stringify(error.toJSON()));
  }
  const { port1 } = new MessageChannel();
  port1.postMessage(again, [again.frames.buffer]);
  new Response(video.frames);
  return new Blob([video.frames]);
}
export const load: () => Promise<Pipeline> = () => Pipeline.load({ base: "sd15/" });
export const train = (recipe: cameo.Recipe): Promise<Trainer> => Trainer.open(recipe);
`;
const names = `import { CameoError, Pipeline, type SampleRequest, Trainer, Video } from "cameo";`;
const imported = `${names}\nimport * as cameo from "cameo";\n${body}`;
const required = `${names}
import cameo = require("cameo");
import type * as es from "cameo" with { "resolution-mode": "import" };
${body}
export const everyValue: typeof es = cameo;
export const theSame: es.Video | undefined = undefined as cameo.Video | undefined;
`;

function compile(
  t: Test,
  compiler: string,
  module: string,
  moduleResolution: string,
  files: Record<string, string>,
) {
  const compilerOptions = {
    ...{ module, moduleResolution, target: "es2022", lib: ["es2023", "esnext.disposable", "dom"] },
    ...{ noEmit: true, strict: true, skipLibCheck: true, types: ["node"] },
    ...(compiler === typescript6 ? { ignoreDeprecations: "6.0" } : {}),
  };
  const config = JSON.stringify({ compilerOptions, files: Object.keys(files) });
  const cameo = t.fixture("symlink", resolve("."));
  const folder = t.testdir({ ...files, "tsconfig.json": config, node_modules: { cameo } });
  const [command, ...args] = [...bareNode, compiler, "-p", folder];
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8" });
  t.strictSame([stdout, stderr, status], ["", "", 0]);
}

test("ES modules and CommonJS as Node 16 resolves them", (t) => {
  compile(t, typescript7, "node16", "node16", { "a.mts": imported, "b.cts": required });
  t.end();
});

test("bundlers", (t) => {
  compile(t, typescript7, "esnext", "bundler", { "a.ts": imported });
  t.end();
});

test("the classic resolution of CommonJS", (t) => {
  compile(t, typescript6, "commonjs", "node10", { "a.ts": imported });
  t.end();
});

test("require and import give the same", async (t) => {
  const required = createRequire(import.meta.url)("cameo");
  const { ...imported } = await import("cameo");
  t.strictSame({ ...required }, imported);
});
