import type { Picked } from "./draft.js";
import { FaultOf, faultAttributes } from "./fields.js";
import { UploadImage } from "./files.js";
import { requestSize } from "./order.js";
import { painting } from "./painter.js";

interface MaskFieldProps {
  /** The button's id, by which its faults find it. */
  field: string;
  /** As in "Paint the mask". */
  what: string;
  mask: Picked | null;
  onChange: (mask: Picked | null) => void;
}

/** A mask that is painted in a dialog of its own. */
export function MaskField({ field, what, mask, onChange }: MaskFieldProps) {
  const size = requestSize.value;
  const paint = () => {
    if (size) painting.value = { what, ...size, mask, onDone: onChange };
  };
  return (
    <div class="field">
      <div class="mask-field">
        {mask && <UploadImage id={mask.id} alt={`What is painted of ${what}`} />}
        <button
          id={field}
          type="button"
          disabled={size === undefined}
          onClick={paint}
          {...faultAttributes(field)}
        >
          {mask ? "Change" : "Paint"} {what}
        </button>
        {mask && (
          <button type="button" onClick={() => onChange(null)}>
            Remove
          </button>
        )}
      </div>
      {size === undefined && <p class="hint">The video's size is not known yet.</p>}
      <FaultOf field={field} />
    </div>
  );
}
