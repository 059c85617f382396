import { computed, signal } from "@preact/signals";
import type { GalleryEntry, Job, ModelState, StudioEvent, StudioState } from "../protocol.js";
import { follow } from "./follow.js";
import { progressText } from "./format.js";

/** What the server says, as all tabs see it. */
export const model = signal<ModelState>({ state: "loading", phase: "load", step: 0, steps: 0 });
export const jobs = signal<readonly Job[]>([]);
export const gallery = signal<readonly GalleryEntry[]>([]);
export const hasRuns = signal(false);
/** Opens pictures and videos; empty until the server's state came. */
export const fileKey = signal("");
export const connection = signal<"opening" | "open" | "lost" | "refused">("opening");
/** What a screen reader says next. */
export const announcement = signal("");

/** The jobs of the orders that are not done, and of the newest one; the newest order first. */
export const shownGroups = computed(() => {
  const names = [...new Set(jobs.value.map(({ group }) => group))].reverse();
  const groups = names.map((name) => jobs.value.filter(({ group }) => group === name));
  return groups.filter((group, i) => i === 0 || group.some(isUnfinished));
});

/** Follows the server's events, for as long as the page is open. */
export function connect(): void {
  follow(apply, (state) => {
    connection.value = state;
  });
}

export function isUnfinished({ state }: Job): boolean {
  return state === "waiting" || state === "running";
}

function apply(event: StudioEvent): void {
  if (event.type === "state") applyState(event.state);
  else if (event.type === "model") applyModel(event.model);
  else if (event.type === "job") applyJob(event.job);
  else if (event.type === "forget") jobs.value = jobs.value.filter(({ id }) => id !== event.job);
  else if (event.type === "entry") gallery.value = [event.entry, ...gallery.value];
  else gallery.value = gallery.value.filter(({ id }) => id !== event.entry);
}

function applyState(state: StudioState): void {
  // First: the others' pictures need it.
  fileKey.value = state.fileKey;
  model.value = state.model;
  jobs.value = state.jobs;
  gallery.value = state.gallery;
  hasRuns.value = state.runs;
}

function applyModel(next: ModelState): void {
  if (next.state === "ready") announcement.value = "The model is ready.";
  if (next.state === "failed") announcement.value = `The model could not be loaded: ${next.error}`;
  model.value = next;
}

function applyJob(job: Job): void {
  const before = jobs.value.find(({ id }) => id === job.id);
  announce(before, job);
  jobs.value = before ? jobs.value.map((other) => (other === before ? job : other)) : [...jobs.value, job];
}

/** The ends of jobs and each quarter on the way: more would be chatter. */
function announce(before: Job | undefined, job: Job): void {
  const name = `Video with seed ${job.parameters.seed}`;
  if (job.state !== before?.state) {
    if (job.state === "done") announcement.value = `${name} is done.`;
    if (job.state === "cancelled") announcement.value = `${name} was cancelled.`;
    if (job.state === "failed") announcement.value = `${name} failed: ${job.error}`;
  } else if (quarter(job) !== quarter(before) && job.progress) {
    announcement.value = `${name}: ${progressText(job.progress)}`;
  }
}

function quarter({ progress }: Job): string | undefined {
  return progress && `${progress.phase} ${Math.floor((4 * progress.step) / progress.steps)}`;
}
