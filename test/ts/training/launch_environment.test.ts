import t from "tap";
import { membershipFromEnvironment } from "#ts/training/launch_environment.js";

const torchrun = {
  RANK: "5",
  WORLD_SIZE: "8",
  LOCAL_RANK: "1",
  MASTER_ADDR: "node-0",
  MASTER_PORT: "29500",
};
const place = { rank: 5, worldSize: 8, localRank: 1, address: "node-0", port: 29_500 };

t.test("reads torchrun's variables", async (t) => {
  t.same(membershipFromEnvironment(torchrun), place);
});

t.test("reads Slurm's variables where there is a meeting point", async (t) => {
  const slurm = { SLURM_PROCID: "5", SLURM_NTASKS: "8", SLURM_LOCALID: "1" };
  t.equal(membershipFromEnvironment(slurm), undefined);
  const meeting = { MASTER_ADDR: "node-0", MASTER_PORT: "29500" };
  t.same(membershipFromEnvironment({ ...slurm, ...meeting }), place);
  t.same(membershipFromEnvironment({ ...slurm, ...torchrun, RANK: "2" }), { ...place, rank: 2 });
  t.throws(() => membershipFromEnvironment({ ...slurm, MASTER_ADDR: "node-0" }), { message: /MASTER_PORT/ });
});

t.test("a process without company has no place", async (t) => {
  t.equal(membershipFromEnvironment({}), undefined);
  t.equal(membershipFromEnvironment({ MASTER_ADDR: "node-0", MASTER_PORT: "29500" }), undefined);
  const alone = { ...torchrun, RANK: "0", WORLD_SIZE: "1", LOCAL_RANK: "0" };
  t.equal(membershipFromEnvironment(alone), undefined);
});

t.test("names the variable that is missing or wrong", async (t) => {
  const cases = [
    [{ WORLD_SIZE: undefined }, "WORLD_SIZE is missing; it must be a whole number from 1 to 65536"],
    [{ RANK: undefined }, "RANK is missing; it must be a whole number from 0 to 7"],
    [{ RANK: "8" }, 'RANK: "8" is not allowed; it must be a whole number from 0 to 7'],
    [{ RANK: "-1" }, 'RANK: "-1" is not allowed; it must be a whole number from 0 to 7'],
    [{ RANK: "" }, 'RANK: "" is not allowed; it must be a whole number from 0 to 7'],
    [{ WORLD_SIZE: "two" }, 'WORLD_SIZE: "two" is not allowed; it must be a whole number from 1 to 65536'],
    [{ LOCAL_RANK: "1.5" }, 'LOCAL_RANK: "1.5" is not allowed; it must be a whole number from 0 to 7'],
    [
      { MASTER_PORT: "65536" },
      'MASTER_PORT: "65536" is not allowed; it must be a whole number from 1 to 65535',
    ],
    [{ MASTER_ADDR: undefined }, "MASTER_ADDR is missing; it must be rank 0's host or address"],
    [{ MASTER_ADDR: "" }, "MASTER_ADDR: '' is not allowed; it must be rank 0's host or address"],
  ] as const;
  for (const [change, says] of cases) {
    const message = `the environment variable ${says}`.replaceAll('"', "'");
    t.throws(() => membershipFromEnvironment({ ...torchrun, ...change }), {
      code: "ERR_INVALID_OPTION",
      message,
    });
  }
});
