import { testCases } from "../../support/cases.js";

testCases("models", "vae_encode");
testCases("models", "vae_decode");
