import { posix } from "node:path";

/** In a repository paths have slashes, on every platform. */
const { basename, dirname, join } = posix;

/** What loading takes of a repository. */
export interface Needed {
  /** What it is given: a folder ("" for the whole repository) or a file. */
  root: string;
  /** All it reads; where an index is among them, also the shards that it names. */
  files: string[];
  /** What it is, in words. */
  kind: "pipeline" | "component" | "tokenizer" | "file";
}

/** Why loading finds nothing to take, with what was found instead. */
export interface Unclear {
  problem: string;
  /** Files of which one may be meant. */
  choices: string[];
}

/** The folders of a pipeline of which a config and weights are read, beside a denoiser and its encoders; of the others all text. */
const networks = ["vae"];
const denoisers = ["transformer", "unet"];
const [textEncoder, imageEncoder] = ["text_encoder", "image_encoder"];
const texts = ["tokenizer", "scheduler"];
/** What pipelines of other kinds have, which would be fetched in vain. */
const foreign = ["text_encoder_2"];

const tokenizerFiles = [
  ...["tokenizer.json", "spiece.model", "vocab.json", "merges.txt"],
  ...["tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"],
];

/** Of a Wan model as its authors publish it, as native/weights/wan.cc has them. */
const wanVaes = ["Wan2.1_VAE.safetensors", "Wan2.1_VAE.pth"];
const wanTextEncoders = ["models_t5_umt5-xxl-enc-bf16.safetensors", "models_t5_umt5-xxl-enc-bf16.pth"];
const wanImageEncoder = "models_clip_open-clip-xlm-roberta-large-vit-huge-14.pth";
const wanTokenizer = "google/umt5-xxl";

/** As native/weights/diffusers_folder.cc has them: the safe format first. */
const stems = ["diffusion_pytorch_model", "model", "pytorch_model"];
const extensions = [".safetensors", ".bin"];
const preferredVariant = "fp16";

/** Of weight files of any name, what is taken first where they differ in nothing else. */
const weightExtensions = [".safetensors", ".bin", ".ckpt", ".pt", ".pth", ".gguf"];
/** What trainers leave beside weights. */
const leftovers = /^(training_args|optimizer|scheduler|scaler|random_states|rng_state)\b/;

/**
 * What loading `path` of a repository with these `files` takes. `part`: of a pipeline only this folder; "" where it may not be
 * a pipeline.
 */
export function neededFiles(files: readonly string[], path: string, part?: string): Needed | Unclear {
  const all = new Set(files);
  if (all.has(path)) return fileAlone(all, path);
  const inside = path === "" ? files : files.filter((file) => file.startsWith(`${path}/`));
  if (inside.length === 0 && path !== "")
    return { problem: `there is no ${path} in it`, choices: weightFilesIn(files) };
  const has = (name: string) => all.has(join(path, name));
  if (has("model_index.json") || denoisers.some((name) => has(`${name}/config.json`))) {
    return part === undefined ? pipelineFiles(all, path) : partFiles(all, path, part);
  }
  if (part === undefined && wanVaes.some(has)) return releasedWanFiles(all, path);
  if (has("config.json") && part !== "tokenizer") return componentFiles(all, path);
  if (hasTokenizer(all, path)) return { root: path, files: tokenizerIn(all, path), kind: "tokenizer" };
  return onlyWeightFile(all, inside, path);
}

/** The files that an index of shards names, which lie beside it. Throws for what is no index. */
export function shardsOf(index: string, text: string): string[] {
  const { weight_map: map } = JSON.parse(text) as { weight_map?: Record<string, unknown> };
  const names = new Set(Object.values(map ?? {}));
  if (names.size === 0 || names.size > 1000) throw new Error("it names no shards, or too many");
  return [...names].map((name) => {
    if (typeof name !== "string" || basename(name) !== name || /^\.{0,2}$|[\\\0]/.test(name)) {
      throw new Error("a shard in it is no plain file name");
    }
    return join(dirname(index), name);
  });
}

export function isWeightFile(file: string): boolean {
  return weightExtensions.some((extension) => file.endsWith(extension));
}

export function isShardIndex(file: string): boolean {
  return /\.(safetensors|bin)\.index(\.[^.]+)?\.json$/.test(file);
}

function partFiles(all: ReadonlySet<string>, path: string, part: string): Needed | Unclear {
  const folder = join(path, part);
  if (part !== "" && all.has(join(folder, "config.json"))) return componentFiles(all, folder);
  if (part !== "" && hasTokenizer(all, folder))
    return { root: folder, files: tokenizerIn(all, folder), kind: "tokenizer" };
  return { problem: `it is a whole pipeline, which is for the option base`, choices: [] };
}

function pipelineFiles(all: ReadonlySet<string>, path: string): Needed | Unclear {
  const other = foreign.find((folder) => all.has(join(path, folder, "config.json")));
  if (other !== undefined) {
    return { problem: `it is a pipeline with a ${other}, of a kind that can't be loaded`, choices: [] };
  }
  const index = join(path, "model_index.json");
  const found = all.has(index) ? [index] : [];
  for (const folder of texts) found.push(...textsIn(all, join(path, folder)));
  const has = (name: string) => all.has(join(path, name));
  const seesPicture = has(`${imageEncoder}/config.json`);
  const readsText = has(`${textEncoder}/config.json`) || !seesPicture;
  const encoders = [...(readsText ? [textEncoder] : []), ...(seesPicture ? [imageEncoder] : [])];
  const denoiser = denoisers.find((name) => has(`${name}/config.json`)) ?? "unet";
  for (const network of [denoiser, ...networks, ...encoders]) {
    const needed = componentFiles(all, join(path, network));
    if ("problem" in needed) return needed;
    found.push(...needed.files);
  }
  const missing = [
    ...(!readsText || hasTokenizer(all, join(path, "tokenizer")) ? [] : ["tokenizer"]),
    ...(has("scheduler/scheduler_config.json") ? [] : ["scheduler/scheduler_config.json"]),
  ];
  if (missing.length === 0) return { root: path, files: found, kind: "pipeline" };
  return { problem: `there is no ${join(path, missing[0] as string)} in it`, choices: [] };
}

function releasedWanFiles(all: ReadonlySet<string>, path: string): Needed | Unclear {
  const transformer = componentFiles(all, path);
  if ("problem" in transformer) return transformer;
  const found = [...transformer.files, ...tokenizerIn(all, join(path, wanTokenizer))];
  for (const names of [wanVaes, wanTextEncoders]) {
    const file = names.map((name) => join(path, name)).find((name) => all.has(name));
    if (file === undefined)
      return { problem: `there is no ${join(path, names.at(-1) as string)} in it`, choices: [] };
    found.push(file);
  }
  // Of models that see a picture.
  const imageEncoder = join(path, wanImageEncoder);
  if (all.has(imageEncoder)) found.push(imageEncoder);
  return { root: path, files: found, kind: "pipeline" };
}

function componentFiles(all: ReadonlySet<string>, path: string): Needed | Unclear {
  const config = join(path, "config.json");
  if (!all.has(config)) return { problem: `there is no ${config} in it`, choices: [] };
  const weights = findWeights(all, path);
  if (weights !== undefined) {
    return { root: path, files: [config, ...tokenizerIn(all, path), weights], kind: "component" };
  }
  const beside = weightFilesIn([...all]).filter((file) => folderOf(file) === path);
  return { problem: `there are no weights beside its ${config} that loading finds`, choices: beside };
}

/** The plain weights, else those of the one variant or of fp16. */
function findWeights(all: ReadonlySet<string>, folder: string): string | undefined {
  const plain = findVariant(all, folder, "");
  if (plain !== undefined) return plain;
  const variants = listVariants(all, folder);
  const choice = variants.has(preferredVariant) ? preferredVariant : [...variants][0];
  if (choice === undefined || (variants.size > 1 && choice !== preferredVariant)) return undefined;
  return findVariant(all, folder, choice);
}

function findVariant(all: ReadonlySet<string>, folder: string, variant: string): string | undefined {
  const infix = variant && `.${variant}`;
  const names = extensions.flatMap((extension) =>
    stems.flatMap((stem) => [
      `${stem}${infix}${extension}`,
      `${stem}${extension}.index${infix}.json`,
      `${stem}${infix}${extension}.index.json`,
    ]),
  );
  return names.map((name) => join(folder, name)).find((file) => all.has(file));
}

function listVariants(all: ReadonlySet<string>, folder: string): Set<string> {
  const form =
    /^(?:diffusion_pytorch_model|model|pytorch_model)(?:\.([^.]+)\.(?:safetensors|bin)|\.(?:safetensors|bin)\.index\.([^.]+)\.json)$/;
  const matches = [...all]
    .filter((file) => folderOf(file) === folder)
    .map((file) => form.exec(basename(file)));
  return new Set(matches.flatMap((match) => match?.[1] ?? match?.[2] ?? []));
}

/** A file, and beside weights the configs that may say more of them: a network's, and PEFT's of an adapter. */
function fileAlone(all: ReadonlySet<string>, file: string): Needed {
  const configs = ["config.json", "adapter_config.json"].map((name) => join(folderOf(file), name));
  const isOfWeights = isWeightFile(file) || isShardIndex(file);
  const files = isOfWeights ? configs.filter((config) => all.has(config)) : [];
  return { root: file, files: [...files, file], kind: "file" };
}

function onlyWeightFile(all: ReadonlySet<string>, inside: readonly string[], path: string): Needed | Unclear {
  const found = weightFilesIn(inside);
  const direct = found.filter((file) => folderOf(file) === path);
  const choices = direct.length > 0 ? direct : found;
  const [file] = choices;
  if (file === undefined) return { problem: "there are no weights in it that can be loaded", choices: [] };
  if (choices.length === 1) return fileAlone(all, file);
  return { problem: "there are several weight files in it, and nothing says which is meant", choices };
}

/** Of files that differ in their format alone, the safer one. */
export function weightFilesIn(files: readonly string[]): string[] {
  const found = new Map<string, string>();
  for (const extension of weightExtensions) {
    for (const file of files.filter((each) => each.endsWith(extension) && !leftovers.test(basename(each)))) {
      const stem = file.slice(0, -extension.length);
      if (!found.has(stem)) found.set(stem, file);
    }
  }
  return [...found.values()].sort();
}

function hasTokenizer(all: ReadonlySet<string>, folder: string): boolean {
  const has = (name: string) => all.has(join(folder, name));
  return has("tokenizer.json") || has("spiece.model") || (has("vocab.json") && has("merges.txt"));
}

function tokenizerIn(all: ReadonlySet<string>, folder: string): string[] {
  return tokenizerFiles.map((name) => join(folder, name)).filter((file) => all.has(file));
}

function textsIn(all: ReadonlySet<string>, folder: string): string[] {
  return [...all].filter((file) => folderOf(file) === folder && /\.(json|txt|model)$/.test(file)).sort();
}

/** "" for the repository itself. */
export function folderOf(file: string): string {
  const folder = dirname(file);
  return folder === "." ? "" : folder;
}
