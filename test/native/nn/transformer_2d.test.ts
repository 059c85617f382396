import { testCases } from "../../support/probes.js";

testCases("nn", "transformer_2d");
