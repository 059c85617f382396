import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { SampleRequest } from "cameo";
import { readCaseFile } from "./case_file.js";
import { type ModelParts, type ModelPaths, writeModel } from "./model_folder.js";
import { readSafetensors } from "./safetensors.js";
import { drawBytes, type Tensors } from "./tensors.js";

const fixtures = "test/fixtures/pipeline";

interface CaseFile {
  parts: ModelParts;
  references: number;
  /** Whether the request has a picture to edit. */
  image?: boolean;
  request: SampleRequest & { width: number; height: number; seed: number };
  tolerance: number;
}

/** A whole pipeline of small networks, a request to it, and what diffusers or the paper's attention computes. */
export interface PipelineCase {
  paths: ModelPaths;
  request: SampleRequest;
  /** Of what `saveLatents` writes, and of some cases the frames. */
  expected: Tensors;
  tolerance: number;
}

export const pipelineCaseNames = readdirSync(fixtures).filter((entry) => entry !== "parts");

/** The case of this name; its model is written below `scratch`. */
export function pipelineCase(name: string, scratch: string): PipelineCase {
  const folder = join(fixtures, name);
  const file = readCaseFile<CaseFile>(folder);
  const { width, height, seed } = file.request;
  const reference = Array.from({ length: file.image ? 1 : file.references }, (_, i) => {
    return { data: drawBytes(`reference.${i}`, [height, width, 3], seed).data, width, height };
  });
  return {
    paths: writeModel(join(scratch, name), file.parts),
    request: {
      ...file.request,
      reference: file.image ? [] : reference,
      ...(file.image ? { image: reference[0] } : {}),
    },
    expected: readSafetensors(join(folder, "expected.safetensors")),
    tolerance: file.tolerance,
  };
}
