import { existsSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { assertClose } from "../../support/compare.js";
import { readSafetensors } from "../../support/safetensors.js";
import { runWeights, throwsTyped } from "../../support/weights.js";

const fixtures = "test/fixtures/weights";
const expected = readSafetensors(join(fixtures, "expected.safetensors"));
const floats = ["linear.weight", "linear.bias", "norm.weight", "scalar", "double", "expanded", "empty"];
const shared = ["shared.transposed", "shared.row", "shared.column"];

// Shared, strided, offset, expanded and empty tensors, and every dtype, as torch.save of PyTorch 2.11 writes them.
const whole = ["state.bin", "ordered.bin", "protocol4.bin", "protocol5.bin", "legacy.bin", "checkpoint.ckpt"];
for (const [file, names] of [
  ...whole.map((file) => [file, Object.keys(expected)] as const),
  ["parameters.bin", [...floats, ...shared]] as const,
]) {
  t.test(`reads ${file} as torch.load does`, async (t) => {
    const { tensors, details } = runWeights<{ format: string }>("read", { path: join(fixtures, file) });
    t.same(Object.keys(tensors).sort(), [...names].sort());
    for (const name of names) assertClose(t, tensors[name], expected[name], 0, name);
    t.equal(details.format, file === "legacy.bin" ? "torch legacy" : "torch zip");
  });
}

for (const [file, asked] of [
  ["unsafe.bin", /run "(posix|nt)\.system"/],
  ["unsafe_legacy.bin", /run "(posix|nt)\.system"/],
  ["unsafe_protocol4.bin", /run "(posix|nt)\.system"/],
  ["lightning.ckpt", /run "pytorch_lightning\.callbacks\.model_checkpoint\.ModelCheckpoint"/],
] as const) {
  t.test(`refuses ${file} and names what it asks for`, async (t) => {
    const path = join(fixtures, file);
    throwsTyped(
      t,
      () => runWeights("read", { path }),
      "ERR_WEIGHTS_UNSAFE",
      path,
      asked,
      "nothing of it was run",
    );
  });
}

t.test("says what a file of torch is that holds no state dict", async (t) => {
  const read = (file: string) => () => runWeights("read", { path: join(fixtures, file) });
  throwsTyped(t, read("torchscript.pt"), "ERR_WEIGHTS_FORMAT", "TorchScript");
});

const released = "shared/parity/videomaker-a/videomaker.bin";
t.test("reads a whole model", { skip: !existsSync(released) && `${released} is not here` }, async (t) => {
  const { tensors } = runWeights("read", { path: released });
  t.equal(Object.keys(tensors).length, 1226);
});
