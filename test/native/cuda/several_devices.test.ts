import t from "tap";
import { runProbe } from "../../support/probes.js";

const skip = process.platform === "linux" ? false : "the tests of kernels for CUDA are built on Linux alone";

t.test("kernels are asked about the device of their tensor, whichever is current", { skip }, async (t) => {
  for (const device of [0, 1, 3]) {
    const { groupNorm, pisa, afterwards } = runProbe("cuda.askedDevices", { device }, {});
    t.strictSame([groupNorm?.data[0], pisa?.data[0]], [device, device]);
    t.equal(afterwards?.data[0], 0, "the current one stays current");
  }
});
