import type { Job } from "../protocol.js";
import { cancelJob } from "./api.js";
import { Clip, DownloadLink } from "./clip.js";
import { setField } from "./draft.js";
import { draftError } from "./faults.js";
import { progressText, promptText } from "./format.js";
import { takes } from "./model.js";
import { gallery, isUnfinished, model, shownGroups } from "./store.js";

/** What is being made, and what the newest order came to. */
export function Stage() {
  const groups = shownGroups.value;
  return (
    <section class="stage" aria-label="Videos in the making">
      {groups.length === 0 && (
        <div class="empty">
          <p class="empty-title">Your video appears here</p>
          <p class="hint">
            {takes("prompt")
              ? "Add a picture of your subject, say what it does, and press Generate."
              : "Add a picture and press Generate."}
          </p>
        </div>
      )}
      {groups.map((group) => (
        <OrderGroup key={group[0]?.group} jobs={group} />
      ))}
    </section>
  );
}

function OrderGroup({ jobs }: { jobs: readonly Job[] }) {
  const unfinished = jobs.filter(isUnfinished);
  return (
    <article class="panel group">
      <header>
        <h2 class="prompt">{promptText(jobs[0]?.parameters.prompt) || "Without a prompt"}</h2>
        {unfinished.length > 1 && (
          <button type="button" onClick={() => cancel(...unfinished)}>
            Cancel all
          </button>
        )}
      </header>
      <ul class={jobs.length > 1 ? "jobs several" : "jobs"}>
        {jobs.map((job) => (
          <JobCard key={job.id} job={job} />
        ))}
      </ul>
    </article>
  );
}

function JobCard({ job }: { job: Job }) {
  const { seed } = job.parameters;
  const entry = gallery.value.find(({ id }) => id === job.entry);
  return (
    <li class={`job ${job.state}`}>
      {entry ? <Clip entry={entry} plays /> : <Placeholder job={job} />}
      {isUnfinished(job) && <Progress job={job} />}
      {job.state === "failed" && <p class="error">{job.error}</p>}
      {entry?.warnings.map((warning) => (
        <p key={warning} class="warning">
          {warning}
        </p>
      ))}
      <div class="actions">
        <span class="hint">Seed {seed}</span>
        {isUnfinished(job) && (
          <button type="button" aria-label={`Cancel the video with seed ${seed}`} onClick={() => cancel(job)}>
            Cancel
          </button>
        )}
        {entry && (
          <button type="button" onClick={() => setField("seed", String(seed))}>
            Keep this seed
          </button>
        )}
        {entry && <DownloadLink entry={entry} />}
      </div>
    </li>
  );
}

const states = {
  waiting: "Waiting",
  running: "",
  done: "Deleted",
  failed: "Failed",
  cancelled: "Cancelled",
};

function Placeholder({ job }: { job: Job }) {
  if (job.preview !== undefined) {
    return <img class="clip preview" src={job.preview} alt={`Preview of seed ${job.parameters.seed}`} />;
  }
  const defaults = model.value.state === "ready" ? model.value.defaults : { width: 1, height: 1 };
  const { width = defaults.width, height = defaults.height } = job.parameters;
  return (
    <div class="clip blank" style={{ aspectRatio: `${width} / ${height}` }}>
      {states[job.state]}
    </div>
  );
}

function Progress({ job: { progress, state, parameters } }: { job: Job }) {
  const text = progress ? progressText(progress) : state === "waiting" ? "Waiting for its turn" : "Starting";
  return (
    <div class="progress">
      <progress
        aria-label={`Video with seed ${parameters.seed}`}
        max={1}
        value={progress ? progress.step / progress.steps : 0}
      />
      <span>{text}</span>
    </div>
  );
}

async function cancel(...jobs: readonly Job[]): Promise<void> {
  for (const { id } of [...jobs].reverse()) {
    await cancelJob(id).catch((error: Error) => {
      draftError.value = error.message;
    });
  }
}
