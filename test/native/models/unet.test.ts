import { testCases } from "../../support/probes.js";

testCases("models", "unet");
