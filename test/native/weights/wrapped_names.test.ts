import { join } from "node:path";
import { Pipeline } from "cameo";
import t from "tap";
import { readSafetensors, writeSafetensors } from "../../support/safetensors.js";
import { writeSmallModel } from "../../support/small_model.js";
import type { Tensors } from "../../support/tensors.js";
import { runWeights, throwsTyped } from "../../support/weights.js";

const one = { shape: [1], data: new Float32Array([1]) };
const names = (path: string) => Object.keys(runWeights("read", { path }).tensors).sort();

const wrapped: [string, Record<string, string>][] = [
  ["DataParallel", { "module.a.weight": "a.weight", "module.b": "b" }],
  ["torch.compile", { "_orig_mod.a.weight": "a.weight", "_orig_mod.b": "b" }],
  ["both", { "module._orig_mod.a.weight": "a.weight", "module._orig_mod.b": "b" }],
  ["the other way round", { "_orig_mod.module.a": "a", "_orig_mod.module.b": "b" }],
  ["twice", { "module.module.a": "a", "module.module.b": "b" }],
  ["parts of it compiled", { "blocks.0._orig_mod.a": "blocks.0.a", b: "b" }],
  ["FSDP", { "_fsdp_wrapped_module.a._fsdp_wrapped_module.b": "a.b" }],
  ["checkpointing", { "a._checkpoint_wrapped_module.b": "a.b", c: "c" }],
  ["not wrapped", { "module.a": "module.a", b: "b", "my_orig_mod.c": "my_orig_mod.c" }],
];
for (const [how, pairs] of wrapped) {
  t.test(`names are those of the network itself: ${how}`, async (t) => {
    const path = join(t.testdir(), "w.safetensors");
    writeSafetensors(path, Object.fromEntries(Object.keys(pairs).map((name) => [name, one])));
    t.same(names(path), Object.values(pairs).sort());
  });
}

t.test("two names that are one without their wrapping are refused", async (t) => {
  const path = join(t.testdir(), "w.safetensors");
  writeSafetensors(path, { a: one, "_orig_mod.a": one });
  throwsTyped(t, () => names(path), "ERR_WEIGHTS_FORMAT", '"a" is there twice');
});

t.test("a subject and a base are loaded however they were wrapped", async (t) => {
  const paths = writeSmallModel("wrapped");
  const rename = (path: string, prefix: string) => {
    const tensors = Object.entries(readSafetensors(path)).map(([name, tensor]) => [prefix + name, tensor]);
    writeSafetensors(path, Object.fromEntries(tensors) as Tensors);
  };
  rename(paths.subject ?? "", "module._orig_mod.");
  rename(join(paths.base, "unet", "diffusion_pytorch_model.safetensors"), "_orig_mod.");
  rename(join(paths.base, "text_encoder", "model.safetensors"), "module.");
  await using pipe = await Pipeline.load({ ...paths, device: "cpu" });
  t.ok(pipe.describe().subject);
});
