import { join } from "node:path";
import { Pipeline } from "cameo";
import t from "tap";
import {
  assertFrames,
  assertNumbers,
  type CaseFile,
  parityFolder,
  readCase,
  requestOf,
  sample,
  skipWithout,
} from "../support/parity.js";
import { readSafetensors } from "../support/safetensors.js";

const folder = parityFolder("ip-adapter-a");

type IpAdapterCase = CaseFile & {
  ip_adapter_scale: number;
  files: { picture: string; ip_adapter: Record<string, string | string[]> };
};

t.test("pictures as a prompt act as in diffusers", skipWithout(folder), async (t) => {
  const file = readCase(folder) as IpAdapterCase;
  const expected = readSafetensors(join(folder, "expected.safetensors"));
  for (const { name } of file.runs) {
    for (const adapter of [file.files.ip_adapter[name] ?? []].flat()) {
      await t.test(adapter, async (t) => {
        const pipe = await Pipeline.load({
          base: join(folder, "sd15-small"),
          motion: join(folder, "motion-adapter"),
          ipAdapter: join(folder, adapter),
          device: "cpu",
          dtype: "fp32",
        });
        t.teardown(() => pipe.close());
        const actual = await sample(t, pipe, {
          ...requestOf(file, file),
          frames: file.frames,
          ipImage: join(folder, file.files.picture),
          ipScale: file.ip_adapter_scale,
        });
        assertNumbers(t, actual.clip_pixels, expected.clip_pixels, "clip_pixels");
        for (const part of ["image_embeds", "negative_image_embeds", "latents"]) {
          assertNumbers(t, actual[part], expected[`${name}/${part}`], part);
        }
        if (name === "plain")
          assertNumbers(t, actual.image_tokens, expected["plain/image_tokens"], "image_tokens");
        assertFrames(t, actual, expected[`${name}/frames`]);
      });
    }
  }
});
