import { useRef } from "preact/hooks";
import { longestPrompt } from "../../options/defaults.js";
import { addReferences, addSubject, removeSubject } from "./actions.js";
import { BoxEditor } from "./box.js";
import { changeSubject, draft, type SubjectDraft } from "./draft.js";
import { FaultOf, Folded, faultAttributes, NumberInput, Select } from "./fields.js";
import { FileDrop, Thumbnail } from "./files.js";
import { MaskField } from "./mask.js";
import { takes } from "./model.js";
import { announcement } from "./store.js";

/** The server's own limit. */
const mostSubjects = 16;

/** Who is in the video: pictures of each, where it is, and how strongly it holds. */
export function Subjects() {
  const end = useRef<HTMLButtonElement>(null);
  if (!takes("prompt")) return null;
  if (!takes("reference")) return <p class="hint">This model takes no reference: the prompt says it all.</p>;
  const { subjects } = draft.value;
  const remove = (index: number) => {
    removeSubject(index);
    // The button that had the focus is gone.
    end.current?.focus();
  };
  return (
    <>
      {subjects.map((subject, index) => (
        <SubjectFields
          key={index}
          subject={subject}
          index={index}
          onRemove={subjects.length > 1 ? () => remove(index) : undefined}
        />
      ))}
      <button
        ref={end}
        type="button"
        class="add"
        disabled={subjects.length >= mostSubjects}
        onClick={addSubject}
      >
        Add another subject
      </button>
    </>
  );
}

interface SubjectProps {
  subject: SubjectDraft;
  index: number;
  onRemove: (() => void) | undefined;
}

function SubjectFields({ subject, index, onRemove }: SubjectProps) {
  const isOnly = onRemove === undefined;
  const { references, region } = subject;
  const name = isOnly ? "reference" : `subjects[${index}].reference`;
  return (
    <fieldset class={isOnly ? "references" : "references one-of-several"}>
      <legend>{isOnly ? "Reference" : `Subject ${index + 1}`}</legend>
      <References subject={subject} index={index} />
      <FileDrop
        field={name}
        title={references.length > 0 ? "Add another picture" : "Choose a picture"}
        hint="or drop or paste one; several of the same subject help"
        multiple
        onFiles={(files) => addReferences(files, index)}
      />
      <Folded title="Region, strength and words" note={regionNotes[region]}>
        <RegionFields subject={subject} index={index} />
      </Folded>
      {onRemove && (
        <button type="button" onClick={onRemove}>
          Remove subject {index + 1}
        </button>
      )}
    </fieldset>
  );
}

const regionNotes = { everywhere: "everywhere", box: "in a box", mask: "where it is painted" };
const regions = { everywhere: "Everywhere", box: "A box", mask: "Painted" };

function RegionFields({ subject, index }: { subject: SubjectDraft; index: number }) {
  const { region, mask, strength, words } = subject;
  const name = `subjects[${index}]`;
  return (
    <>
      <div class="row">
        <Select
          field={region === "everywhere" ? `${name}.region` : `${name}.region.kind`}
          label="Where it is"
          value={region}
          choices={regions}
          onChange={(value) => changeSubject(index, { region: value as SubjectDraft["region"] })}
        />
        <NumberInput
          field={`${name}.strength`}
          label="Strength"
          whole={false}
          value={strength}
          placeholder="1"
          onInput={(text) => changeSubject(index, { strength: text })}
        />
      </div>
      {region === "box" && <BoxEditor index={index} />}
      {region === "mask" && (
        <MaskField
          field={`${name}.region`}
          what={`the region of subject ${index + 1}`}
          mask={mask}
          onChange={(painted) => changeSubject(index, { mask: painted })}
        />
      )}
      <div class="field">
        <label for={`${name}.words`}>In words</label>
        <input
          id={`${name}.words`}
          type="text"
          maxLength={longestPrompt}
          placeholder="read in its region instead of the prompt"
          value={words}
          {...faultAttributes(`${name}.words`)}
          onInput={({ currentTarget }) => changeSubject(index, { words: currentTarget.value })}
        />
        <FaultOf field={`${name}.words`} />
      </div>
    </>
  );
}

function References({ subject: { references }, index }: { subject: SubjectDraft; index: number }) {
  const list = useRef<HTMLUListElement>(null);
  if (references.length === 0) return null;
  const remove = (id: string) => {
    changeSubject(index, { references: references.filter((reference) => reference.id !== id) });
    announcement.value = "Reference removed.";
    // The button that had the focus is gone.
    list.current?.closest("fieldset")?.querySelector("input")?.focus();
  };
  return (
    <ul class="thumbnails" ref={list}>
      {references.map((picked) => (
        <li key={picked.id}>
          <Thumbnail picked={picked} onRemove={() => remove(picked.id)} />
        </li>
      ))}
    </ul>
  );
}
