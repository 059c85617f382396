import { testCases } from "../../support/cases.js";

testCases("nn", "motion_module");
