import { test } from "tap";
import { openAddon } from "#ts/addon.js";
import { nativeText } from "#ts/native_text.js";
import { nativeRequest } from "../../support/native_request.js";
import { writeSmallModel } from "../../support/small_model.js";

const paths = writeSmallModel("native_sample");
const subject = [paths.subject ?? ""];
const model = nativeText({ ...paths, subject, device: "cpu", dtype: "fp32", kernels: "fast" });

test("what is wrong with steps and scheduler is found before a network runs", async (t) => {
  const native = new (openAddon({ cuda: false }).Pipeline)();
  t.teardown(() => native.close());
  await native.load(model, () => {}).promise;
  const wrong = [
    [{ steps: 0 }, /^steps: 0 /],
    [{ steps: 1001 }, /^steps: 1001 /],
    [{ scheduler: "eular" }, /^scheduler: "eular" is not known/],
  ] as const;
  for (const [changes, message] of wrong) {
    const phases: string[] = [];
    const task = native.sample(nativeRequest(changes), ({ phase }) => phases.push(phase));
    await t.rejects(task.promise, { code: "ERR_INVALID_OPTION", message });
    t.same(phases, []);
  }
});
