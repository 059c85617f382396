import { sampleOptions } from "../../options/sample_options.js";
import { change, draft, setField } from "./draft.js";
import { FaultOf, Folded, faultAttributes, NumberField, NumberInput, Select } from "./fields.js";
import { loaded, makesStills, takes } from "./model.js";
import { placeholders } from "./order.js";

const noises: Record<string, string> = {
  independent: "Independent",
  freenoise: "FreeNoise",
  "freenoise-repeat": "FreeNoise, repeated",
  "freenoise-random": "FreeNoise, random",
};

/** How long the video is, and what holds a long one together. */
export function Length() {
  const { windowLength, windowOverlap, noise, loop } = draft.value;
  const { window } = placeholders.value;
  const maxFrames = loaded.value?.maxFrames;
  if (makesStills.value) return null;
  const { names } = sampleOptions.noise.value as unknown as { names: readonly string[] };
  return (
    <Folded title="Length" note={window === undefined ? "" : `in windows of ${window} frames`}>
      <div class="grid">
        <NumberField name="frames" />
        <NumberField name="fps" />
        {takes("context") && (
          <>
            <NumberInput
              field="context"
              label="Frames in a window"
              whole
              value={windowLength}
              placeholder={String(window ?? "all")}
              onInput={(text) => setField("windowLength", text)}
            />
            <NumberInput
              field="context.overlap"
              label="Overlap"
              whole
              value={windowOverlap}
              placeholder={noise === "" ? "a quarter" : "all but 4"}
              onInput={(text) => setField("windowOverlap", text)}
            />
          </>
        )}
        {takes("noise") && (
          <Select
            field="noise"
            label="Noise"
            value={noise === "" ? "independent" : noise}
            choices={Object.fromEntries(names.map((name) => [name, noises[name] ?? name]))}
            onChange={(value) => setField("noise", value === "independent" ? "" : value)}
          />
        )}
      </div>
      {takes("loop") && (
        <div class="field">
          <label class="check">
            <input
              id="loop"
              type="checkbox"
              checked={loop}
              {...faultAttributes("loop")}
              onChange={({ currentTarget }) => change({ loop: currentTarget.checked })}
            />
            Loop: the last frame leads to the first
          </label>
          <FaultOf field="loop" />
        </div>
      )}
      {maxFrames && (
        <p class="hint">
          The model sees {maxFrames} frames and references at a time. A longer video is made in windows that
          overlap; FreeNoise holds its windows closer together.
        </p>
      )}
    </Folded>
  );
}
