import { pickInput } from "./actions.js";
import { change, draft, type SingleInput } from "./draft.js";
import { Folded, NumberField } from "./fields.js";
import { FileDrop, Thumbnail } from "./files.js";
import { MaskField } from "./mask.js";
import { loaded, takes } from "./model.js";

/** What the video starts from instead of noise alone, and the part of it that is painted anew. */
export function Start() {
  const { image, lastImage, video, mask } = draft.value;
  const given = { "a film": video, "a picture": image ?? lastImage, "a mask": mask };
  const note = Object.entries(given).flatMap(([name, picked]) => (picked ? [name] : []));
  const startsFromImage = loaded.value?.required.includes("image") ?? false;
  const title = takes("video") ? "Start from a film or pictures" : "Start from a picture";
  return (
    <Folded title={title} note={note.join(", ")} open={startsFromImage}>
      <div class="row inputs">
        <InputField name="image" title="First picture" hint="the first frame" />
        <InputField name="lastImage" title="Last picture" hint="the last frame" />
      </div>
      <InputField name="video" title="Start film" hint="what moves as in it becomes what the prompt says" />
      {takes("strength") && <NumberField name="strength" />}
      {takes("mask") && (
        <MaskField
          field="mask"
          what="the mask"
          mask={mask}
          onChange={(painted) => change({ mask: painted })}
        />
      )}
      {takes("strength") && (
        <p class="hint">
          Strength is how far the film or picture is left, 0 to 1. Of a mask, only what is painted is made
          anew.
        </p>
      )}
    </Folded>
  );
}

interface InputFieldProps {
  name: Exclude<SingleInput, "mask">;
  title: string;
  hint: string;
}

function InputField({ name, title, hint }: InputFieldProps) {
  if (!takes(name)) return null;
  const picked = draft.value[name];
  const remove = () => {
    change({ [name]: null });
    document.getElementById(name)?.focus();
  };
  return (
    <div class="field input">
      {picked && (
        <figure class="picked">
          <Thumbnail picked={picked} onRemove={remove} />
          <figcaption class="hint">
            {picked.frames === undefined ? title : `${title}, ${picked.frames} frames`}
          </figcaption>
        </figure>
      )}
      <FileDrop
        field={name}
        title={picked ? `Another ${title.toLowerCase()}` : title}
        hint={hint}
        kind={name === "video" ? "film" : "picture"}
        onFiles={(files) => pickInput(name, files)}
      />
    </div>
  );
}
