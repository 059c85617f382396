// Slow: it runs the command line again and again.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Pipeline } from "cameo";
import { type Test, test } from "tap";
import { cameo, events } from "../../support/command.js";
import { writeModel } from "../../support/model_folder.js";
import { png } from "../../support/pictures.js";
import { readSafetensors } from "../../support/safetensors.js";

const scheduler = { _class_name: "DDIMScheduler" };
const paths = writeModel("build/fixtures/cli", { motion: "motion", subject: "subject", scheduler });
const model = ["--base", paths.base, "--motion", paths.motion ?? "", "--device", "cpu"];
const small = ["--prompt", "a cat", "--size", "40x32", "--steps", "2", "--frames", "4", "--seed", "7"];

function tempFile(t: Test, name: string): string {
  return join(t.testdir(), name);
}

test("writes the video that the library makes, and says where", async (t) => {
  const output = tempFile(t, "frames-%02d.png");
  const latents = join(t.testdirName, "latents.safetensors");
  const { code, stdout, stderr } = await cameo([
    "sample",
    ...[...model, ...small, "-o", output, "--save-latents", latents],
  ]);
  t.equal(code, 0, stderr);
  const names = ["frames-00.png", "frames-01.png", "frames-02.png", "frames-03.png"];
  t.equal(stdout, names.map((name) => `${join(t.testdirName, name)}\n`).join(""));
  for (const phase of ["load", "encode", "denoise", "decode"]) t.match(stderr, `${phase}: `);
  t.match(stderr, /^decode: 4 of 4 frames, .*, 0 s left$/m);

  await using pipe = await Pipeline.load({ base: paths.base, motion: paths.motion, device: "cpu" });
  const request = { prompt: "a cat", width: 40, height: 32, steps: 2, frames: 4, seed: 7 };
  const video = await pipe.sample(request);
  await video.save(join(t.testdirName, "library-%02d.png"));
  for (const name of names) {
    const made = readFileSync(join(t.testdirName, name));
    t.ok(made.equals(readFileSync(join(t.testdirName, name.replace("frames", "library")))), name);
  }
  t.ok(readSafetensors(latents).latents);
});

test("several seeds are several files, each what its seed makes alone", async (t) => {
  const output = tempFile(t, "still.png");
  const still = [...model, ...small, "--frames", "1"].filter((_, i, all) => all[i - 1] !== "--seed");
  const request = still.filter((arg) => arg !== "--seed");
  const json = await cameo(["sample", ...request, "--seeds", "5,6", "-o", output, "--json"]);
  t.equal(json.code, 0, json.stderr);
  const files = ["still-1.png", "still-2.png"].map((name) => join(t.testdirName, name));
  const done = events(json).filter(({ event }) => event === "done");
  t.match(done, [
    { paths: [files[0]], request: { seed: 5 }, video: 0, videos: 2 },
    { paths: [files[1]], request: { seed: 6 }, video: 1, videos: 2 },
  ]);
  const progress = events(json).filter(({ event, phase }) => event === "progress" && phase === "denoise");
  t.strictSame(
    new Set(progress.map(({ video, videos }) => `${video} of ${videos}`)),
    new Set(["0 of 2", "1 of 2"]),
  );
  const one = join(t.testdirName, "one.png");
  await cameo(["sample", ...request, "--seed", "6", "-o", one, "-q"]);
  t.ok(readFileSync(one).equals(readFileSync(files[1] as string)), "as alone");
  const counted = await cameo(["sample", ...request, "--seed", "6", "--count", "2", "-o", one]);
  t.equal(counted.stdout, [1, 2].map((n) => `${join(t.testdirName, `one-${n}.png`)}\n`).join(""));
  t.match(counted.stderr, /^denoise: .*, video 2 of 2$/m);
  t.ok(readFileSync(join(t.testdirName, "one-1.png")).equals(readFileSync(one)), "from --seed on");
});

test("takes a subject and several references", async (t) => {
  const picture = tempFile(t, "me.png");
  await cameo([
    "sample",
    "--base",
    paths.base,
    "--device",
    "cpu",
    ...small,
    "--frames",
    "1",
    "-o",
    picture,
    "-q",
  ]);
  const args = ["sample", ...model, "--subject", paths.subject ?? "", ...small, "--json"];
  const references = ["--reference", picture, "-r", picture, "--reference-noise", "0.5", "--fit", "contain"];
  const output = join(t.testdirName, "out.webp");
  const result = await cameo([...args, ...references, "--guidance", "3", "--negative", "no", "-o", output]);
  t.equal(result.code, 0, result.stderr);
  const done = events(result).at(-1);
  t.match(done, { event: "done", paths: [output], warnings: [] });
  t.match(done?.request, {
    reference: [picture, picture],
    referenceNoise: 0.5,
    fit: "contain",
    guidanceScale: 3,
    negativePrompt: "no",
    seed: 7,
  });
});

test("--json prints events, and nothing else on stdout", async (t) => {
  const result = await cameo(["sample", ...model, ...small, "--json", "-o", tempFile(t, "out.gif")]);
  t.equal(result.code, 0);
  t.equal(result.stderr, "");
  const steps = events(result).filter(({ phase }) => phase === "denoise");
  t.match(steps, [
    { event: "progress", step: 1, steps: 2 },
    { event: "progress", step: 2, steps: 2 },
  ]);
  t.ok(steps.every(({ etaSeconds }) => typeof etaSeconds === "number"));
});

test("--quiet prints the result alone, and warnings", async (t) => {
  const output = tempFile(t, "out.gif");
  const { stdout, stderr } = await cameo(["sample", ...model, ...small, "-q", "-o", output]);
  t.equal(stdout, `${output}\n`);
  t.equal(stderr, "");
  const cut = ["--prompt", "cat ".repeat(99), "--long-prompt", "cut"];
  const long = await cameo(["sample", ...model, ...small, "-q", "-o", output, ...cut]);
  t.match(long.stderr, /^cameo: warning: the prompt was cut after "\.\.\. .*" \(75 of \d+ tokens\)\n$/);
});

test("--preview writes a picture while sampling", async (t) => {
  const preview = tempFile(t, "preview.png");
  const output = join(t.testdirName, "out.gif");
  const { code } = await cameo(["sample", ...model, ...small, "-q", "-o", output, "--preview", preview]);
  t.equal(code, 0);
  t.equal(readFileSync(preview).subarray(1, 4).toString(), "PNG");
});

test("wrong usage is found before anything is loaded, with exit code 2", async (t) => {
  const given = ["--base", "not/there", "--prompt", "a"];
  const output = tempFile(t, "out.gif");
  const nowhere = join(t.testdirName, "not", "out.gif");
  const wrong: [string[], RegExp][] = [
    [["-o", output], /^cameo: --prompt is missing; it must be a text/],
    [[...given], /^cameo: required option '-o, --output <file>' not specified$/],
    [
      [...given, "-o", output, "--stepz", "3"],
      /^cameo: unknown option '--stepz' \(Did you mean --steps\?\)$/,
    ],
    [
      [...given, "-o", output, "--steps", "0"],
      /^cameo: --steps: 0 is not allowed; it must be a whole number/,
    ],
    [
      [...given, "-o", output, "--steps", "many"],
      /^cameo: option '--steps <n>' argument 'many' is invalid\. It must/,
    ],
    [[...given, "-o", output, "--size", "512"], /^cameo: option '--size <WxH>' .* as in 512x384\.$/],
    [[...given, "-o", output, "--guidance", "-1"], /^cameo: --guidance: -1 is not allowed/],
    [[...given, "-o", output, "--negative", "no".repeat(5001)], /^cameo: --negative: '/],
    [[...given, "-o", output, "--size", "5000x64"], /^cameo: --size: 5000 is not allowed/],
    [[...given, "-o", output, "--device", "gpu"], /^cameo: --device: 'gpu' is not allowed/],
    [
      [...given, "-o", output, "--scheduler", "x"],
      /^cameo: --scheduler: 'x' is not allowed; it must be "ddim", .* or what is in one$/,
    ],
    [
      [...given, "-o", output, "--scheduler", "not/there.json"],
      /^cameo: scheduler "not\/there.json": it can't be read; is it there\?$/,
    ],
    [
      [...given, "-o", output, "--reference-noise-mode", "x"],
      /^cameo: --reference-noise-mode: 'x' is not allowed/,
    ],
    [[...given, "-o", output, "--save-latents", "x.pt"], /^cameo: --save-latents: 'x\.pt' is not allowed/],
    [[...given, "-o", output, "--preview", "x.txt"], /^cameo: .*\.txt is not known/],
    [[...given, "-o", "out.txt"], /^cameo: .*\.txt is not known/],
    [[...given, "--motion", "m", "-o", "a.png"], /^cameo: .*the video has 16; use a-%03d\.png/],
    [[...given, "-o", nowhere], /^cameo: output .*not/],
    [[...given, "-o", output, "--subject", "s"], /^cameo: --reference is missing: the subject model needs/],
    [[...given, "-o", output, "-r", "r.png"], /^cameo: --reference: this pipeline has no subject model/],
    [["--prompt", "a", "-o", output], /^cameo: --reference is missing: the subject model needs/],
    [
      [...given, "-o", output, "--mask", "m.png"],
      /^cameo: --mask: there is nothing that it could leave as it is/,
    ],
    [[...given, "-o", output, "--strength", "0.5"], /^cameo: --strength: there is nothing to start from/],
    [
      [...given, "-o", output, "--image", "a.png", "--video", "b.mp4"],
      /^cameo: --image: the video has all frames/,
    ],
    [[...given, "-o", output, "--control", "depth/"], /^cameo: --control: no ControlNet is loaded for them/],
    [
      [...given, "-o", output, "--keyframe", "0=a.png"],
      /^cameo: --keyframe: no SparseCtrl network is loaded for them/,
    ],
    [
      [...given, "-o", output, "--control-model", "m"],
      /^cameo: --control-model needs frames: --control for a ControlNet, --keyframe for SparseCtrl$/,
    ],
    [
      [...given, "-o", output, "--control-model", "m", "--keyframe", "1=a.png"],
      /^cameo: --keyframe: there is no frame 1; the film has only frame 0$/,
    ],
    [
      [...given, "-o", output, "--control-model", "m", "--control", "depth/:11"],
      /^cameo: controls\[0\]\.scale: 11 is not allowed; it must be a number from 0 to 10$/,
    ],
    [[...given, "-o", output, "more"], /^cameo: too many arguments/],
    [[...given, "-o", output, "--seeds", "1,x"], /^cameo: .*It must be seeds, as in 1,2,3\.$/],
    [[...given, "-o", output, "--seeds", "1", "--seed", "2"], /^cameo: --seed: --seeds has those of all/],
    [[...given, "-o", output, "--count", "0"], /^cameo: --count: 0 is not allowed/],
    [[...given, "-o", output, "--count", "2", "--save-latents", "x.safetensors"], /^cameo: --save-latents: /],
    [[...given, "-o", nowhere, "--count", "2"], /^cameo: output .*out-1\.gif.*not/],
  ];
  const results = await Promise.all(wrong.map(([args]) => cameo(["sample", ...args])));
  for (const [i, { code, stdout, stderr }] of results.entries()) {
    t.equal(code, 2, stderr);
    t.equal(stdout, "");
    t.match(stderr.trimEnd(), wrong[i]?.[1]);
    t.match(stderr, /^[^\n]+\n$/, "one line");
  }
});

test("a reference that can't be read is named before a model that isn't there", async (t) => {
  const output = tempFile(t, "out.gif");
  const paths = ["--base", "not/there", "--motion", "not/there", "--subject", "not/there"];
  const { code, stderr } = await cameo(["sample", ...paths, "-r", "no.png", "--prompt", "a", "-o", output]);
  t.equal(code, 1);
  t.match(stderr, /^cameo: reference "no\.png": no such file[^\n]*\n$/);
});

test("a mask that has nothing white is named before a model that isn't there", async (t) => {
  const output = tempFile(t, "out.png");
  const black = join(t.testdirName, "black.png");
  writeFileSync(black, png({ width: 16, height: 16, bits: 8, values: [0] }, 1));
  const request = ["--base", "not/there", "--prompt", "a", "--image", black, "--mask", black, "-o", output];
  const { code, stderr } = await cameo(["sample", ...request]);
  t.equal(code, 2);
  t.match(stderr, /^cameo: --mask: nothing in it is white, so nothing would be painted anew; [^\n]*\n$/);
});

test("what fails later fails with exit code 1, in one line, with the code in --json", async (t) => {
  const output = tempFile(t, "out.gif");
  const args = ["sample", "--base", "not/there", "--prompt", "a", "--device", "cpu", "-o", output];
  const plain = await cameo(args);
  t.equal(plain.code, 1);
  t.match(plain.stderr, /^cameo: [^\n]*not\/there[^\n]*\n$/);
  const json = await cameo([...args, "--json"]);
  t.match(events(json).at(-1), { event: "error", code: "ERR_WEIGHTS_FORMAT", message: /not\/there/ });
  const verbose = await cameo([...args, "--verbose"]);
  t.match(verbose.stderr, /^cameo: .*\nCameoError: .*\n {4}at /);
});

/** Sends each signal when its cue has appeared on stderr. */
function interrupt(
  args: string[],
  signals: (readonly [cue: string, NodeJS.Signals])[],
): Promise<{ code: number | null; stderr: string }> {
  const child = spawn(process.execPath, ["dist/cli/main.js", "sample", ...args]);
  let stderr = "";
  return new Promise((resolve) => {
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
      const [cue, signal] = signals[0] ?? [];
      if (cue === undefined || !stderr.includes(cue)) return;
      signals.shift();
      child.kill(signal);
    });
    child.on("close", (code) => resolve({ code, stderr }));
  });
}

test("Ctrl-C ends it cleanly, with nothing half-written", async (t) => {
  const output = tempFile(t, "out.gif");
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    const args = [...model, ...small, "--steps", "1000", "-o", output];
    const { code, stderr } = await interrupt(args, [["denoise: ", signal]]);
    t.equal(code, 130);
    t.match(stderr, /stopping; press Ctrl-C again to stop at once\n(.*\n)*cameo: interrupted\n$/);
    t.strictSame(readdirSync(t.testdirName), []);
  }
});

test("a budget of memory that is too small is found before the first step", async (t) => {
  const args = ["sample", ...model, ...small, "-o", tempFile(t, "out.webp"), "--max-memory", "90MB"];
  const advice = {
    fp32: "fewer frames, a smaller size or dtype bf16",
    bf16: "fewer frames or a smaller size",
  };
  for (const [dtype, remedy] of Object.entries(advice)) {
    const { code, stdout, stderr } = await cameo([...args, "--dtype", dtype]);
    t.equal(code, 1);
    t.equal(stdout, "");
    t.match(
      stderr,
      new RegExp(
        `^cameo: --max-memory: 90\\.0 MB are allowed and this request needs some [\\d.]+ MB in ${dtype}: ` +
          `allow more, or ask for ${remedy}$`,
        "m",
      ),
    );
    t.notMatch(stderr, /denoise/);
  }
  const wrong = await cameo([...args.slice(0, -1), "6XB"]);
  t.match(wrong, { code: 2, stderr: /'6XB' is invalid\. It must be a size, as in 6GB/ });
});

test("a second Ctrl-C ends what doesn't stop", async (t) => {
  const interrupt = JSON.stringify(import.meta.resolve("#ts/cli/interrupt.js"));
  const script = `const { interruptible } = await import(${interrupt});
    setInterval(() => {}, 1000);
    console.error("started");
    await interruptible(() => new Promise(() => {}));`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  child.stderr.on("data", async (data) => {
    if (`${data}`.includes("started")) child.kill("SIGINT");
    if (!`${data}`.includes("stopping; ")) return;
    // Sooner, it would be the same one that came twice.
    await sleep(1100);
    child.kill("SIGINT");
  });
  const [code] = await once(child, "close");
  t.equal(code, 130);
});

test("frames that can't be written as asked are kept", async (t) => {
  const output = tempFile(t, "out.webp");
  const args = ["sample", ...model, ...small, "-o", output, "--json"];
  const child = spawn(process.execPath, ["dist/cli/main.js", ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (data) => {
    stdout += data;
    if (stdout.includes('"denoise"') && !existsSync(output)) mkdirSync(output);
  });
  child.stderr.on("data", (data) => {
    stderr += data;
  });
  const code = await new Promise((settle) => child.on("close", settle));
  t.not(code, 0);
  t.match(stderr, `; the frames are in ${output}.apng`);
  t.ok(existsSync(`${output}.apng`));
});
