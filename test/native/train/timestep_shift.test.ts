import { testCases } from "../../support/cases.js";

testCases("trainer", "timestep_shift");
