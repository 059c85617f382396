import { testCases } from "../../support/probes.js";

testCases("schedulers", "ddim");
