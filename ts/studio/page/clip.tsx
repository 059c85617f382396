import type { GalleryEntry } from "../protocol.js";
import { fileUrl } from "./api.js";
import { promptText } from "./format.js";

const calm = matchMedia("(prefers-reduced-motion: reduce)");

/** A video that loops, or the picture that a still is. It plays by itself only where motion is welcome. */
export function Clip({ entry, plays = false }: { entry: GalleryEntry; plays?: boolean }) {
  const { width, height } = entry.request;
  const prompt = promptText(entry.request.prompt);
  const url = fileUrl(entry.id, entry.video);
  if (!entry.video.endsWith(".mp4")) {
    return <img class="clip" src={url} alt={prompt} width={width} height={height} loading="lazy" />;
  }
  return (
    // What it shows has no sound to caption.
    <video
      class="clip"
      // The time makes a browser that only reads the header show the first frame.
      src={`${url}#t=0.001`}
      width={width}
      height={height}
      aria-label={prompt}
      autoPlay={plays && !calm.matches}
      preload={plays ? "auto" : "metadata"}
      loop
      muted
      controls
      playsInline
    />
  );
}

/** Saves the video under a name that says which it is. */
export function DownloadLink({ entry }: { entry: GalleryEntry }) {
  const extension = entry.video.slice(entry.video.lastIndexOf("."));
  return (
    <a class="button" href={fileUrl(entry.id, entry.video)} download={`cameo-${entry.id}${extension}`}>
      Download
    </a>
  );
}
