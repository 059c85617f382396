import { testCases } from "../../support/cases.js";

testCases("schedulers", "noise_prior");
