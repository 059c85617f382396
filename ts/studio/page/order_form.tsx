import { draft, draftError, setField, submit, uploading } from "./draft.js";
import { type NumberName, numberFault, numberFields, numberNames } from "./numbers.js";
import { References } from "./references.js";
import { model } from "./store.js";

/** The seed has its place above. */
const foldedNames = numberNames.filter((name) => name !== "seed");
const counts = [1, 2, 3, 4, 6, 8];

/** What to make: pictures, a sentence, and what few change. */
export function OrderForm() {
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
      <References />
      <div class="field">
        <label for="prompt">Prompt</label>
        <textarea
          id="prompt"
          rows={3}
          maxLength={10_000}
          placeholder="What happens, in one sentence"
          value={draft.value.prompt}
          onInput={({ currentTarget }) => setField("prompt", currentTarget.value)}
        />
      </div>
      <div class="row">
        <SideBySide />
        <NumberField name="seed" placeholder="random" />
      </div>
      <MoreOptions />
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

function SideBySide() {
  return (
    <div class="field">
      <label for="count">Seeds side by side</label>
      <select
        id="count"
        value={draft.value.count}
        onChange={({ currentTarget }) => setField("count", currentTarget.value)}
      >
        {counts.map((count) => (
          <option key={count} value={String(count)}>
            {count}
          </option>
        ))}
      </select>
    </div>
  );
}

function MoreOptions() {
  const defaults = model.value.state === "ready" ? model.value.defaults : undefined;
  return (
    <details>
      <summary>More options</summary>
      <div class="folded">
        <div class="grid">
          {foldedNames.map((name) => (
            <NumberField key={name} name={name} placeholder={String(defaults?.[name] ?? "")} />
          ))}
        </div>
        <div class="field">
          <label for="negativePrompt">What it should not show</label>
          <textarea
            id="negativePrompt"
            rows={2}
            maxLength={10_000}
            placeholder={defaults?.negativePrompt || "nothing in particular"}
            value={draft.value.negativePrompt}
            onInput={({ currentTarget }) => setField("negativePrompt", currentTarget.value)}
          />
        </div>
        <p class="hint">A field that is empty takes the model's default.</p>
      </div>
    </details>
  );
}

/** As text: a field of numbers tells neither what it can't read nor that there is something. */
function NumberField({ name, placeholder }: { name: NumberName; placeholder: string }) {
  const { label, whole } = numberFields[name];
  const fault = numberFault(name, draft.value[name]);
  return (
    <div class="field">
      <label for={name}>{label}</label>
      <input
        id={name}
        type="text"
        inputMode={whole ? "numeric" : "decimal"}
        autocomplete="off"
        placeholder={placeholder}
        value={draft.value[name]}
        aria-invalid={fault !== undefined}
        aria-describedby={fault === undefined ? undefined : `${name}-fault`}
        onInput={({ currentTarget }) => setField(name, currentTarget.value)}
      />
      {fault !== undefined && (
        <p id={`${name}-fault`} class="fault">
          {whole ? "not a whole number" : "not a number"}
        </p>
      )}
    </div>
  );
}
