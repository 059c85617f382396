import { testCases } from "../../support/probes.js";

testCases("trainer", "ema");
