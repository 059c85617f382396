import { render } from "preact";
import { loadModel } from "./api.js";
import { forgetLost } from "./draft.js";
import { Gallery } from "./gallery.js";
import { OrderForm } from "./order_form.js";
import { Painter } from "./painter.js";
import { Stage } from "./stage.js";
import { announcement, connect, connection, hasRuns, model } from "./store.js";
import { Training } from "./training.js";

function Page() {
  return (
    <>
      <a class="skip" href="#main">
        Skip to the form
      </a>
      <header class="top">
        <h1>
          <img src="icon.svg" alt="" width={28} height={28} />
          cameo <span>studio</span>
        </h1>
        <nav aria-label="On this page">
          <a href="#gallery">Gallery</a>
          {hasRuns.value && <a href="#training">Training</a>}
        </nav>
        <ModelStatus />
      </header>
      <Connection />
      <main id="main" tabIndex={-1}>
        <div class="make">
          <OrderForm />
          <Stage />
        </div>
        <Gallery />
        {hasRuns.value && <Training />}
      </main>
      <Painter />
      <p class="hidden" role="status" aria-live="polite">
        {announcement.value}
      </p>
    </>
  );
}

function ModelStatus() {
  const state = model.value;
  if (state.state === "failed") {
    return (
      <div class="model failed">
        <p class="error">{state.error}</p>
        <button type="button" onClick={() => loadModel().catch(() => {})}>
          Try again
        </button>
      </div>
    );
  }
  if (state.state === "ready") {
    return (
      <p class="model ready">
        Ready on {state.device}, {state.dtype}
      </p>
    );
  }
  const share = state.steps === 0 ? "" : ` ${Math.floor((100 * state.step) / state.steps)} %`;
  const doing = state.phase === "fetch" ? "Fetching" : "Loading";
  return (
    <p class="model loading">
      {doing} the model{share}
    </p>
  );
}

const trouble = {
  lost: "The studio does not answer. If cameo studio still runs, this page goes on by itself.",
  refused: "This page is no longer let in. Open the link that cameo studio printed when it was started.",
};

function Connection() {
  const state = connection.value;
  if (state !== "lost" && state !== "refused") return null;
  return (
    <p class="banner" role="alert">
      {trouble[state]}
    </p>
  );
}

const app = document.getElementById("app");
if (app) {
  app.replaceChildren();
  render(<Page />, app);
  connect();
  forgetLost();
}
