import { testCases } from "../../support/cases.js";

testCases("nn", "timestep_embedding");
