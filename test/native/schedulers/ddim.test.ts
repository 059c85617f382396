import { testCases } from "../../support/cases.js";

testCases("schedulers", "ddim");
