import { readFileSync } from "node:fs";
import { Command } from "commander";
import { test } from "tap";
import { optionFlags, optionsOfFlags } from "#ts/cli/sampling_flags.js";
import { checkRequest, completeRequest, nativeOptions, optionsOf } from "#ts/options/sample.js";
import { type OptionName, optionEntries, type SampleRequest } from "#ts/options/sample_options.js";
import { description } from "../../support/description.js";

const source = readFileSync("ts/options/sample_request.ts", "utf8");

/** The comment of an option in `SampleRequest`, in one line. */
function commentOf(name: OptionName): string {
  const [before = ""] = source.split(new RegExp(`^  ${name}\\??: `, "m"));
  const comment = before.slice(before.lastIndexOf("/**"));
  if (!comment.trimEnd().endsWith("*/")) throw new Error(`${name} has no comment`);
  return comment.replaceAll(/\s*\n\s*\*?\s*|\/\*\*|\*\//g, " ");
}

test("the comments say the table's defaults", (t) => {
  let plain = 0;
  for (const [name, { default: value, value: shape }] of optionEntries) {
    if (value === undefined || typeof value === "function" || shape.kind === "pictures") continue;
    const shown = JSON.stringify(value).replaceAll(",", ", ");
    t.ok(
      new RegExp(`Default: ${shown.replaceAll(/[[\]]/g, "\\$&")}[.,]`).test(commentOf(name)),
      `${name}: ${shown}`,
    );
    plain++;
  }
  t.ok(plain > 10);
  t.end();
});

test("every default is allowed", (t) => {
  const complete = completeRequest({ prompt: "", reference: "a.png" }, description);
  for (const [name, value] of Object.entries(complete)) {
    t.doesNotThrow(() => checkRequest({ prompt: "", [name]: value }), name);
  }
  t.end();
});

test("a request's defaults are its own: changing one changes no other request", (t) => {
  const made = () => completeRequest({ prompt: "", reference: "a.png" }, description).guidanceRange;
  (made() as [number, number])[0] = 0.5;
  t.strictSame(made(), [0, 1]);
  t.end();
});

test("the options of what is loaded, each with its default", (t) => {
  const complete = { ...completeRequest({ prompt: "", reference: "a.png" }, description), reference: [] };
  const options = optionsOf(description);
  for (const [name, { default: value, required }] of optionEntries) {
    if (!(name in options)) continue;
    const taken = value === undefined || required ? null : (complete[name as keyof typeof complete] ?? null);
    t.strictSame(options[name as keyof typeof options], taken, name);
  }
  for (const name of ["prompt", "seed", "steps", "eta", "frames", "fit"]) t.ok(name in options, name);
  for (const name of ["signal", "saveLatents", "instruction", "imageGuidanceScale"])
    t.notOk(name in options, name);
  const own = { guidanceScale: 3, negativePrompt: "bad" };
  const still = optionsOf({
    ...description,
    subject: false,
    subjectRegions: false,
    pictureLatents: false,
    motion: null,
    defaults: own,
  });
  t.match(still, { ...own, frames: 1, steps: 30 });
  const ofSubjects = ["reference", "referenceNoise", "referenceNoiseMode", "referenceLatents"];
  t.strictSame(
    ofSubjects.filter((name) => name in still),
    [],
  );
  t.end();
});

test("what the native half takes has a value, but where it depends on a model or there is none", (t) => {
  const read = (request: Partial<SampleRequest>) => JSON.parse(nativeOptions(request));
  const crossing = optionEntries.filter(([, { native }]) => native).map(([name]) => name);
  t.strictSame(
    new Set(crossing.filter((name) => !(name in read({})))),
    new Set([
      ...["seed", "frames", "width", "height", "saveLatents", "subjects"],
      ...["context", "scheduler", "eta", "sigmas", "spacing", "shift", "zeroTerminalSnr"],
      ...["strength", "controls", "keyframes", "conditioningScale", "temporalGuidance"],
      ...["dynamicGuidance", "minGuidanceScale", "motionBucket", "noiseAugmentation", "frameStride"],
    ]),
  );
  t.match(read({ steps: 7, seed: 2 ** 53 - 1 }), { steps: 7, seed: 2 ** 53 - 1, cacheInterval: 1 });
  const controls = [{ frames: ["a.png"], scale: 1, from: 0, to: 0.5, guess: true }];
  t.strictSame(read({ controls }).controls, [
    { scale: 1, from: 0, to: 0.5, guess: true, low: 100, high: 200 },
  ]);
  t.strictSame(read({ keyframes: { 4: "b.png", 1: "a.png" } }).keyframes, [1, 4]);
  t.notOk("fit" in read({ fit: "fill" }));
  t.end();
});

test("flags say what an option is, in the words of the command line", (t) => {
  const read = (...args: string[]) => {
    const command = new Command("x").exitOverride();
    for (const flag of optionFlags()) command.addOption(flag);
    return optionsOfFlags(command.parse(args, { from: "user" }).opts());
  };
  t.strictSame(read(), {});
  t.strictSame(
    read(
      ...["--negative", "no", "--guidance", "2.5", "--guidance-range", "0.2:0.8", "--size", "64x32"],
      ...["--cache-interval", "3", "--fit", "fill", "--vae-tiling", "--save-latents", "a.safetensors"],
    ),
    {
      negativePrompt: "no",
      guidanceScale: 2.5,
      guidanceRange: [0.2, 0.8],
      cacheInterval: 3,
      width: 64,
      height: 32,
      fit: "fill",
      vaeTiling: true,
      saveLatents: "a.safetensors",
    },
  );
  t.strictSame(
    read(
      ...["--control", "depth/:0.8:0-0.5", "--control", "C:\\clip:canny", "--control", "a:b/:1:guess:canny"],
      ...[
        "--keyframe",
        "0=a=b.png",
        "--keyframe",
        "15=last.png",
        "--structure",
        "2",
        "--keyframe-scale",
        ".5",
      ],
    ),
    {
      controls: [
        { frames: "depth/", scale: 0.8, from: 0, to: 0.5 },
        { frames: "C:\\clip", compute: "canny" },
        { frames: "a:b/", scale: 1, compute: "canny", guess: true },
      ],
      structure: 2,
      keyframes: { 0: "a=b.png", 15: "last.png" },
      keyframeScale: 0.5,
    },
  );
  t.throws(() => read("--keyframe", "first.png"), /a frame and a picture/);
  t.throws(() => read("--keyframe", "1=a.png", "--keyframe", "1=b.png"), /Frame 1 is there twice/);
  const other: Partial<Record<OptionName, string>> = {
    negativePrompt: "--negative",
    guidanceScale: "--guidance",
    width: "--size",
    height: "--size",
    controls: "--control",
    keyframes: "--keyframe",
  };
  for (const [name, { flag }] of optionEntries) {
    const kebab = `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    if (flag !== undefined) t.equal(flag.split(" ")[0], other[name] ?? kebab);
  }
  t.end();
});
