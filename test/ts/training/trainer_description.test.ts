import { utimesSync } from "node:fs";
import { join } from "node:path";
import { Pipeline } from "cameo";
import t from "tap";
import { vaeKey } from "#ts/training/trainer_description.js";
import { writeSmallModel } from "../../support/small_model.js";

const { base } = writeSmallModel("trainer_description");

t.test("latents are of a VAE's files and a type, whatever the device", async (t) => {
  await using pipe = await Pipeline.load({ base, device: "cpu", dtype: "fp32" });
  const loaded = pipe.describe();
  const key = await vaeKey("image", loaded);
  const elsewhere = { ...loaded, device: "cuda:0" };
  t.equal(await vaeKey("image", elsewhere), key);
  t.not(await vaeKey("image", { ...loaded, dtype: "bf16" }), key);
  utimesSync(join(base, "vae", "diffusion_pytorch_model.safetensors"), 0, 0);
  t.not(await vaeKey("image", loaded), key, "written again");
});

t.test("a VAE that was drawn is refused but where it is trained", async (t) => {
  const networks = [{ name: "vae" as const, parameters: 1, files: [] }];
  await t.rejects(vaeKey("image", { networks, dtype: "fp32" }), {
    code: "ERR_INVALID_OPTION",
    message: 'model.base: its VAE has no weights; train one first, with a recipe whose kind is "vae"',
  });
  t.type(await vaeKey("vae", { networks, dtype: "fp32" }), "string");
});
