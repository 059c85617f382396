import t from "tap";
import { runProbe } from "../../support/probes.js";

t.test(
  "memory of tensors is used again, and given back in the end",
  { skip: process.platform !== "linux" },
  async (t) => {
    for (const [name, { data }] of Object.entries(runProbe("core.memory_pool", {}, {}))) {
      t.equal(data[0], 1, name);
    }
  },
);
