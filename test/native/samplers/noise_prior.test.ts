import { testCases } from "../../support/cases.js";

testCases("samplers", "noise_prior");
