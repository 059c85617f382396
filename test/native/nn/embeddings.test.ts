import { testCases } from "../../support/probes.js";

testCases("nn", "timestep_embedding");
