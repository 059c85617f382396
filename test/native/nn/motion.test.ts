import { testCases } from "../../support/probes.js";

testCases("nn", "motion_module");
