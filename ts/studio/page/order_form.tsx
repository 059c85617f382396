import { longestPrompt } from "../../options/defaults.js";
import { submit, uploading } from "./actions.js";
import { draft, setField } from "./draft.js";
import { draftError } from "./faults.js";
import { Folded, NumberField, Select } from "./fields.js";
import { useFiles } from "./files.js";
import { Length } from "./length.js";
import { loaded, takes } from "./model.js";
import { numberNames } from "./numbers.js";
import { Prompts } from "./prompts.js";
import { Start } from "./start.js";
import { Subjects } from "./subjects.js";

/** Those that have their place elsewhere. */
const placed: ReadonlySet<string> = new Set(["seed", "frames", "fps", "strength"]);
const counts = ["1", "2", "3", "4", "6", "8"];

/** What to make: pictures, a sentence, and what few change. */
export function OrderForm() {
  useFiles();
  const onSubmit = (event: Event) => {
    event.preventDefault();
    submit();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    submit();
  };
  return (
    <form class="panel order" aria-label="New video" onSubmit={onSubmit} onKeyDown={onKeyDown} noValidate>
      <Subjects />
      <Prompts />
      <Start />
      <Length />
      <MoreOptions />
      <div class="row">
        <Select
          field="count"
          label="Seeds side by side"
          value={draft.value.count}
          choices={Object.fromEntries(counts.map((count) => [count, count]))}
          onChange={(count) => setField("count", count)}
        />
        <NumberField name="seed" placeholder="random" />
      </div>
      {draftError.value !== "" && (
        <p class="error" role="alert">
          {draftError.value}
        </p>
      )}
      <button type="submit" class="primary" disabled={uploading.value > 0}>
        {draft.value.count === "1" ? "Generate" : `Generate ${draft.value.count} videos`}
      </button>
    </form>
  );
}

function MoreOptions() {
  return (
    <Folded title="More options">
      <div class="grid">
        {numberNames
          .filter((name) => !placed.has(name) && takes(name))
          .map((name) => (
            <NumberField key={name} name={name} />
          ))}
      </div>
      {takes("negativePrompt") && <NegativePrompt />}
      <p class="hint">A field that is empty takes the model's default.</p>
    </Folded>
  );
}

function NegativePrompt() {
  return (
    <div class="field">
      <label for="negativePrompt">What it should not show</label>
      <textarea
        id="negativePrompt"
        rows={2}
        maxLength={longestPrompt}
        placeholder={loaded.value?.defaults.negativePrompt || "nothing in particular"}
        value={draft.value.negativePrompt}
        onInput={({ currentTarget }) => setField("negativePrompt", currentTarget.value)}
      />
    </div>
  );
}
