import t from "tap";
import { assertClose } from "../../support/compare.js";
import { heads } from "../../support/pisa_heads.js";
import { runProbe } from "../../support/probes.js";
import { drawInput } from "../../support/tensors.js";

const batch = 2;

t.test("the merged form's gradients are those of the concatenated form", async (t) => {
  for (const [count, channels] of heads) {
    for (const references of [1, 2, 3]) {
      for (const frames of [1, 2, 3, 8]) {
        for (const positions of [1, 6, 17]) {
          const shape = [batch, frames + references, positions, count * channels];
          const inputs = Object.fromEntries(
            ["q", "k", "v", "grad"].map((name) => [name, drawInput(name, { shape, scale: 2 }, frames)]),
          );
          const config = { frames, references, heads: count };
          const merged = runProbe("nn.pisa_gradients", { ...config, form: "merged" }, inputs);
          const plain = runProbe("nn.pisa_gradients", { ...config, form: "concatenated" }, inputs);
          for (const name of ["out", "q", "k", "v"]) {
            const layout = `R ${references}, F ${frames}, n ${positions}, ${count} x ${channels}`;
            assertClose(t, merged[name], plain[name], 3e-5, `${name}, ${layout}`);
          }
        }
      }
    }
  }
});
