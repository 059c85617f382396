import { testCases } from "../../support/probes.js";

testCases("models", "vae_encode");
testCases("models", "vae_decode");
