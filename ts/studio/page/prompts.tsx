import { useRef } from "preact/hooks";
import { longestPrompt } from "../../options/defaults.js";
import { change, draft, setField } from "./draft.js";
import { FaultOf, faultAttributes, NumberInput } from "./fields.js";
import { makesStills, takes } from "./model.js";

const mostLater = 32;

/** What happens, and what does at later frames. */
export function Prompts() {
  const add = useRef<HTMLButtonElement>(null);
  const { prompt, later } = draft.value;
  const changeAt = (index: number, fields: Partial<(typeof later)[number]>) =>
    change({ later: later.map((each, i) => (i === index ? { ...each, ...fields } : each)) });
  const remove = (index: number) => {
    change({ later: later.filter((_, i) => i !== index) });
    // The button that had the focus is gone.
    add.current?.focus();
  };
  if (!takes("prompt")) return null;
  return (
    <>
      <div class="field">
        <label for="prompt">Prompt</label>
        <textarea
          id="prompt"
          rows={3}
          maxLength={longestPrompt}
          placeholder="What happens, in one sentence"
          value={prompt}
          {...faultAttributes("prompt")}
          onInput={({ currentTarget }) => setField("prompt", currentTarget.value)}
        />
        <FaultOf field="prompt" />
      </div>
      {later.map(({ frame, text }, i) => (
        <div key={i} class="later">
          <NumberInput
            field={`later[${i}]`}
            label="At frame"
            whole
            value={frame}
            onInput={(value) => changeAt(i, { frame: value })}
          />
          <div class="field">
            <label for={`later[${i}].text`}>Then</label>
            <input
              id={`later[${i}].text`}
              type="text"
              maxLength={longestPrompt}
              value={text}
              onInput={({ currentTarget }) => changeAt(i, { text: currentTarget.value })}
            />
          </div>
          <button type="button" aria-label={`Remove prompt ${i + 2}`} onClick={() => remove(i)}>
            ×
          </button>
        </div>
      ))}
      {!makesStills.value && (
        <button
          ref={add}
          type="button"
          class="add"
          disabled={later.length >= mostLater}
          onClick={() => change({ later: [...later, { frame: "", text: "" }] })}
        >
          Add a prompt for later frames
        </button>
      )}
    </>
  );
}
