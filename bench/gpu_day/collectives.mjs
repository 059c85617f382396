// NCCL with one process: every collective call that training makes, on tensors of the device; Gloo on the processor.
//
//     node bench/gpu_day/collectives.mjs [--device cuda]
import { createServer } from "node:net";
import { runProbe } from "../../build/test/support/probes.js";
import { report, settings } from "./check.mjs";

const { device } = settings();

async function freePort() {
  const server = createServer();
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return port;
}

const config = {
  rank: 0,
  world_size: 1,
  address: "127.0.0.1",
  port: await freePort(),
  timeout: 30,
  device,
};
const outputs = runProbe("parallel.collectives", config, {}, { device, dtype: "fp32", exact: [] });
const found = Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, [...data]]));
const expected = { broadcast: [0, 0, 0], sum: [1, 1, 1, 1], mean: [0], max: [0], any: [1], none: [0] };
const wrong = Object.keys(expected).filter((name) => String(found[name]) !== String(expected[name]));
report({ right: wrong.length === 0, wrong, found });
