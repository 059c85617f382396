import t from "tap";
import { runProbe } from "../../support/probes.js";

const skip = process.platform === "linux" ? false : "the test is built with OpenMP on Linux alone";

t.test("where one thread is held up, the others take the pieces that are left", { skip }, async (t) => {
  for (const [threads, count] of [
    [2, 2],
    [2, 9],
    [4, 64],
  ]) {
    const { done, others } = runProbe("cpu.pieces", { threads, count }, {});
    t.equal(done?.data[0], count, "each is done once");
    t.equal(others?.data[0], 1, `${count} pieces on ${threads} threads`);
  }
});
