// The files of make_model.py's folder under the names that stable-diffusion.cpp looks for.
import { existsSync } from "node:fs";
import { mkdir, open, rename, symlink } from "node:fs/promises";
import { join, resolve } from "node:path";

/** Files of a base folder, there and here. */
const links = {
  "unet/diffusion_pytorch_model.safetensors": "sd15/unet/diffusion_pytorch_model.fp16.safetensors",
  "vae/diffusion_pytorch_model.safetensors": "sd15/vae/diffusion_pytorch_model.fp16.safetensors",
  "text_encoder/model.safetensors": "sd15/text_encoder/model.fp16.safetensors",
};
const motionFile = "motion/diffusion_pytorch_model.fp16.safetensors";

/** A motion module's tensor in the names of AnimateDiff's own files. */
function originalName(name) {
  return name
    .replace(/motion_modules\.(\d+)\./, "motion_modules.$1.temporal_transformer.")
    .replace(/\.pos_embed\.pe$/, ".attention_blocks.0.pos_encoder.pe")
    .replace(/\.attn([12])\./, (_, number) => `.attention_blocks.${number - 1}.`)
    .replace(/\.norm([12])\./, (_, number) => `.norms.${number - 1}.`)
    .replace(".norm3.", ".ff_norm.");
}

/** Links the base model's files, and copies the motion modules' with other names; what is there already is kept. */
export async function writeModelFiles(folder) {
  const target = join(folder, "stable_diffusion_cpp");
  for (const [there, here] of Object.entries(links)) {
    await mkdir(join(target, there, ".."), { recursive: true });
    await symlink(resolve(folder, here), join(target, there)).catch(unlessThere);
  }
  const motion = join(target, "motion.safetensors");
  if (existsSync(motion)) return;
  const from = await open(join(folder, motionFile));
  const to = await open(`${motion}.part`, "w");
  try {
    await copyRenamed(from, to);
  } finally {
    await from.close();
    await to.close();
  }
  await rename(`${motion}.part`, motion);
}

function unlessThere(error) {
  if (error.code !== "EEXIST") throw error;
}

/** A safetensors file with other names. Position codes, one table for both attentions here, are two there. */
async function copyRenamed(from, to) {
  const size = Buffer.alloc(8);
  await from.read(size, 0, 8, 0);
  const headerLength = Number(size.readBigUInt64LE());
  const header = Buffer.alloc(headerLength);
  await from.read(header, 0, headerLength, 8);
  const { __metadata__, ...tensors } = JSON.parse(header.toString());
  const renamed = {};
  let end = 0;
  const pieces = [];
  for (const [
    name,
    {
      dtype,
      shape,
      data_offsets: [first, last],
    },
  ] of Object.entries(tensors)) {
    const original = originalName(name);
    const names = name.endsWith(".pe")
      ? [original, original.replace("attention_blocks.0", "attention_blocks.1")]
      : [original];
    for (const each of names) {
      renamed[each] = { dtype, shape, data_offsets: [end, end + last - first] };
      pieces.push([first, last]);
      end += last - first;
    }
  }
  const text = Buffer.from(JSON.stringify(renamed));
  size.writeBigUInt64LE(BigInt(text.length));
  await to.write(Buffer.concat([size, text]));
  for (const [first, last] of pieces) {
    const data = Buffer.alloc(last - first);
    await from.read(data, 0, data.length, 8 + headerLength + first);
    await to.write(data);
  }
}
