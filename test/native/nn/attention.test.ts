import { testCases } from "../../support/probes.js";

testCases("nn", "attention");
