import { testCases } from "../../support/probes.js";

testCases("nn", "resnet_block");
testCases("nn", "downsample");
testCases("nn", "upsample");
