import { testCases } from "../../support/probes.js";

testCases("schedulers", "noise_prior");
