import { testCases } from "../../support/cases.js";

testCases("models", "i2vgen_unet");
