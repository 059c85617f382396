import { cpSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Pipeline } from "cameo";
import t from "tap";
import { vaeKey } from "#ts/training/trainer_description.js";
import { weightFiles } from "#ts/training/weight_files.js";
import { writeSmallModel } from "../../support/small_model.js";

const { base } = writeSmallModel("trainer_description");

t.test("latents are of a VAE's weights and a type, wherever they lie and are computed", async (t) => {
  await using pipe = await Pipeline.load({ base, device: "cpu", dtype: "fp32" });
  const loaded = pipe.describe();
  const key = vaeKey("image", loaded, await weightFiles(loaded));
  const bf16 = { ...loaded, dtype: "bf16" as const };
  t.not(vaeKey("image", bf16, await weightFiles(bf16)), key);

  const moved = `${base}-moved`;
  rmSync(moved, { recursive: true, force: true });
  cpSync(base, moved, { recursive: true });
  const file = join(moved, "vae", "diffusion_pytorch_model.safetensors");
  utimesSync(file, 0, 0);
  const copy = await Pipeline.load({ base: moved, device: "cpu", dtype: "fp32" });
  const described = copy.describe();
  await copy.close();
  t.equal(vaeKey("image", described, await weightFiles(described)), key, "moved");
  const bytes = readFileSync(file);
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 2) ^ 1, bytes.length - 2);
  writeFileSync(file, bytes);
  t.not(vaeKey("image", described, await weightFiles(described)), key, "other weights");
});

t.test("a VAE that was drawn is refused but where it is trained", (t) => {
  t.throws(() => vaeKey("image", { dtype: "fp32" }, []), {
    code: "ERR_INVALID_OPTION",
    message:
      'model.base: its VAE has no weights; train one first, with a recipe whose kind is "vae", or "film-vae" for Wan',
  });
  t.type(vaeKey("vae", { dtype: "fp32" }, []), "string");
  t.type(vaeKey("wan", { dtype: "fp32" }, []), "string");
  t.throws(() => vaeKey("wan", { dtype: "fp32" }, [], { isKept: true }), { code: "ERR_INVALID_OPTION" });
  t.end();
});
