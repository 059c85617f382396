import { draft, draftError, setField, submit, type TextField, uploading } from "./draft.js";
import { References } from "./references.js";
import { model } from "./store.js";

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
        <NumberField name="seed" label="Seed" placeholder="random" min={0} step={1} />
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
  const shown = (value: number | undefined) => (value === undefined ? "" : String(value));
  return (
    <details>
      <summary>More options</summary>
      <div class="folded">
        <div class="grid">
          <NumberField name="steps" label="Steps" placeholder={shown(defaults?.steps)} min={1} step={1} />
          <NumberField
            name="guidanceScale"
            label="Guidance"
            placeholder={shown(defaults?.guidanceScale)}
            min={0}
            step={0.5}
          />
          <NumberField name="frames" label="Frames" placeholder={shown(defaults?.frames)} min={1} step={1} />
          <NumberField
            name="fps"
            label="Frames a second"
            placeholder={shown(defaults?.fps)}
            min={1}
            step={1}
          />
          <NumberField name="width" label="Width" placeholder={shown(defaults?.width)} min={8} step={8} />
          <NumberField name="height" label="Height" placeholder={shown(defaults?.height)} min={8} step={8} />
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

interface NumberFieldProps {
  name: TextField;
  label: string;
  placeholder: string;
  min: number;
  step: number;
}

function NumberField({ name, label, ...attributes }: NumberFieldProps) {
  return (
    <div class="field">
      <label for={name}>{label}</label>
      <input
        id={name}
        type="number"
        inputMode={attributes.step === 1 ? "numeric" : "decimal"}
        value={draft.value[name]}
        onInput={({ currentTarget }) => setField(name, currentTarget.value)}
        {...attributes}
      />
    </div>
  );
}
