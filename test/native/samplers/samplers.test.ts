import { testCases } from "../../support/cases.js";

testCases("samplers", "ddim");
testCases("samplers", "run");
