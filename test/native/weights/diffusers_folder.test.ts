import { join } from "node:path";
import t from "tap";
import { runWeights, throwsTyped } from "../../support/weights.js";

interface Component {
  weights: string;
  config: Record<string, unknown>;
}

const open = (folder: string, variant = "") =>
  runWeights<Component>("component", { folder, variant }).details;
const config = '{"_class_name": "UNet2DConditionModel", "layers_per_block": 2}';

for (const [files, variant, found] of [
  [
    ["diffusion_pytorch_model.bin", "diffusion_pytorch_model.safetensors"],
    "",
    "diffusion_pytorch_model.safetensors",
  ],
  [["diffusion_pytorch_model.bin"], "", "diffusion_pytorch_model.bin"],
  [["model.safetensors", "model.fp16.safetensors"], "", "model.safetensors"],
  [["model.safetensors", "model.fp16.safetensors"], "fp16", "model.fp16.safetensors"],
  [["model.fp16.safetensors"], "", "model.fp16.safetensors"],
  [["model.fp16.safetensors", "model.non_ema.safetensors"], "", "model.fp16.safetensors"],
  [["pytorch_model.bin"], "", "pytorch_model.bin"],
  [["model.gguf", "pytorch_model.bin"], "", "pytorch_model.bin"],
  [["diffusion_pytorch_model.gguf"], "", "diffusion_pytorch_model.gguf"],
  [["diffusion_pytorch_model.q8_0.gguf"], "", "diffusion_pytorch_model.q8_0.gguf"],
  [["model.safetensors.index.json", "model-00001-of-00001.safetensors"], "", "model.safetensors.index.json"],
  [["model.safetensors.index.fp16.json"], "fp16", "model.safetensors.index.fp16.json"],
  [["model.fp16.safetensors.index.json"], "fp16", "model.fp16.safetensors.index.json"],
] as const) {
  t.test(`of ${files.join(", ")} takes ${found}${variant && ` for ${variant}`}`, async (t) => {
    const unet = Object.fromEntries(files.map((file) => [file, ""]));
    const folder = join(t.testdir({ unet: { ...unet, "config.json": config } }), "unet");
    const component = open(folder, variant);
    t.equal(component.weights, join(folder, found));
    t.equal(component.config.layers_per_block, 2);
  });
}

t.test("names what is missing and what is there instead", async (t) => {
  const motion = { "config.json": '{"_class_name": "MotionAdapter"}', "diffusion_pytorch_model.bin": "" };
  const folder = t.testdir({
    motion,
    base: { "model_index.json": '{"_class_name": "StableDiffusionPipeline"}' },
    empty: {},
    noConfig: { "diffusion_pytorch_model.bin": "" },
    noWeights: { "config.json": config, "diffusion_pytorch_model.fp16.bin": "" },
    broken: { "config.json": '{"a": 1', "model.bin": "" },
    list: { "config.json": "[1]", "model.bin": "" },
    file: "",
  });
  const refuses = (path: string, variant: string, ...parts: string[]) =>
    throwsTyped(t, () => open(join(folder, path), variant), "ERR_WEIGHTS_FORMAT", path, ...parts);
  refuses("motion/unet", "", "the UNet was expected", "is a MotionAdapter", "--motion");
  refuses("base", "", "no config.json", "StableDiffusionPipeline", "--base");
  refuses("empty", "", "an empty folder");
  refuses("noConfig", "", "no config.json");
  refuses("noWeights", "bf16", '"bf16"', '"fp16"');
  refuses("broken", "", "config.json: this is not valid JSON");
  refuses("list", "", "not an object");
  refuses("file", "", "this is a file");
  refuses("none/unet", "", "no such folder");
});

t.test("a config cannot use up the memory", async (t) => {
  const folder = t.testdir({
    deep: { "config.json": `{"a":${"[".repeat(100000)}`, "model.bin": "" },
    large: { "config.json": `{"a":"${"x".repeat(2 ** 20)}"}`, "model.bin": "" },
  });
  throwsTyped(t, () => open(join(folder, "deep")), "ERR_WEIGHTS_FORMAT", "nested too deep");
  throwsTyped(t, () => open(join(folder, "large")), "ERR_WEIGHTS_FORMAT", "too many");
});
