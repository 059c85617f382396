import type { ComponentChildren } from "preact";
import { draft, setField } from "./draft.js";
import { faultAt } from "./faults.js";
import { type NumberField as Kind, type NumberName, numberFields } from "./numbers.js";
import { placeholders } from "./order.js";

/** What is wrong with a field, beside it. */
export function FaultOf({ field }: { field: string }) {
  const fault = faultAt(field);
  if (fault === undefined) return null;
  return (
    <p id={`${field}-fault`} class="fault">
      {fault.short}
    </p>
  );
}

/** Attributes of the element whose fault this may be. */
export function faultAttributes(field: string) {
  const isWrong = faultAt(field) !== undefined;
  return { "aria-invalid": isWrong, "aria-describedby": isWrong ? `${field}-fault` : undefined };
}

interface NumberInputProps extends Kind {
  /** Its id, by which its faults find it. */
  field: string;
  value: string;
  placeholder?: string | undefined;
  onInput: (text: string) => void;
}

/** As text: a field of numbers tells neither what it can't read nor that there is something. */
export function NumberInput({ field, label, whole, value, placeholder = "", onInput }: NumberInputProps) {
  return (
    <div class="field">
      <label for={field}>{label}</label>
      <input
        id={field}
        type="text"
        inputMode={whole ? "numeric" : "decimal"}
        autocomplete="off"
        placeholder={placeholder}
        value={value}
        {...faultAttributes(field)}
        onInput={({ currentTarget }) => onInput(currentTarget.value)}
      />
      <FaultOf field={field} />
    </div>
  );
}

/** The field of an option that is a number. */
export function NumberField({ name, placeholder }: { name: NumberName; placeholder?: string }) {
  return (
    <NumberInput
      field={name}
      {...numberFields[name]}
      value={draft.value[name]}
      placeholder={placeholder ?? String(placeholders.value[name] ?? "")}
      onInput={(text) => setField(name, text)}
    />
  );
}

interface SelectProps {
  field: string;
  label: string;
  value: string;
  /** What is shown, by value. */
  choices: Record<string, string>;
  onChange: (value: string) => void;
}

export function Select({ field, label, value, choices, onChange }: SelectProps) {
  return (
    <div class="field">
      <label for={field}>{label}</label>
      <select
        id={field}
        value={value}
        {...faultAttributes(field)}
        onChange={({ currentTarget }) => onChange(currentTarget.value)}
      >
        {Object.entries(choices).map(([choice, shown]) => (
          <option key={choice} value={choice}>
            {shown}
          </option>
        ))}
      </select>
      <FaultOf field={field} />
    </div>
  );
}

/** Fields that few change, or many where they are `open` at first. */
export function Folded({
  title,
  note,
  open = false,
  children,
}: {
  title: string;
  note?: string;
  open?: boolean;
  children: ComponentChildren;
}) {
  return (
    <details open={open}>
      <summary>
        {title}
        {note && <span class="hint"> {note}</span>}
      </summary>
      <div class="folded">{children}</div>
    </details>
  );
}
