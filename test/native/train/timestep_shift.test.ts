import { testCases } from "../../support/probes.js";

testCases("trainer", "timestep_shift");
