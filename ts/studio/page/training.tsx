import { useSignal } from "@preact/signals";
import type { ECharts, EChartsOption } from "echarts";
import { useEffect, useRef } from "preact/hooks";
import type { TrainingRun } from "../protocol.js";
import { listRuns, runCharts } from "./api.js";
import { compact, dateTime } from "./format.js";

declare global {
  interface Window {
    echarts?: { init(element: HTMLElement): ECharts };
  }
}

/** Between two looks at what the runs have logged. */
const refreshMs = 10_000;

/** What training runs have logged: a table of where they are, and curves of those that are ticked. */
export function Training() {
  const runs = useSignal<readonly TrainingRun[]>([]);
  const chosen = useSignal<readonly string[] | undefined>(undefined);
  const error = useSignal("");
  useRefresh(async () => {
    try {
      runs.value = await listRuns();
      chosen.value ??= runs.value.slice(0, 1).map(({ name }) => name);
      error.value = "";
    } catch (reason) {
      error.value = (reason as Error).message;
    }
  });
  const toggle = (name: string) => {
    const before = chosen.value ?? [];
    chosen.value = before.includes(name) ? before.filter((other) => other !== name) : [...before, name];
  };
  const names = runs.value.map(({ name }) => name).filter((name) => chosen.value?.includes(name));
  return (
    <section id="training" aria-labelledby="training-title" tabIndex={-1}>
      <h2 id="training-title">Training</h2>
      {error.value !== "" && <p class="error">{error.value}</p>}
      {runs.value.length === 0 ? (
        <p class="hint">No run has logged a step yet.</p>
      ) : (
        <RunTable runs={runs.value} chosen={names} toggle={toggle} />
      )}
      {names.length > 0 && <Curves names={names} version={runs.value.map(({ step }) => step).join()} />}
    </section>
  );
}

interface RunTableProps {
  runs: readonly TrainingRun[];
  chosen: readonly string[];
  toggle: (name: string) => void;
}

function RunTable({ runs, chosen, toggle }: RunTableProps) {
  return (
    <div class="panel table">
      <table>
        <thead>
          <tr>
            {["Run", "Step", "Loss", "Learning rate", "Gradient norm", "Last step"].map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {runs.map(({ name, step, loss, learningRate, gradientNorm, time }) => (
            <tr key={name}>
              <th scope="row">
                <label>
                  <input type="checkbox" checked={chosen.includes(name)} onChange={() => toggle(name)} />
                  {name}
                </label>
              </th>
              <td>{step}</td>
              <td>{compact(loss)}</td>
              <td>{compact(learningRate)}</td>
              <td>{compact(gradientNorm)}</td>
              <td>{dateTime(time)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Curves({ names, version }: { names: readonly string[]; version: string }) {
  const element = useRef<HTMLDivElement>(null);
  const chart = useRef<ECharts | undefined>(undefined);
  const error = useSignal("");
  const key = names.join("\n");
  // Again with each `version`, which says that the runs have gone on.
  useEffect(() => {
    const draw = async () => {
      const [option] = await Promise.all([runCharts(key.split("\n")), loadEcharts()]);
      if (!element.current) return;
      chart.current ??= window.echarts?.init(element.current);
      chart.current?.setOption(fitted(option, element.current.clientWidth), { notMerge: true });
      error.value = "";
    };
    draw().catch((reason: Error) => {
      error.value = reason.message;
    });
  }, [key, version, error]);
  useEffect(() => {
    const observer = new ResizeObserver(() => chart.current?.resize());
    if (element.current) observer.observe(element.current);
    return () => {
      observer.disconnect();
      chart.current?.dispose();
    };
  }, []);
  return (
    <figure class="panel curves">
      {error.value !== "" && <p class="error">{error.value}</p>}
      <div
        ref={element}
        class="chart"
        role="img"
        aria-label={`Loss, learning rate and gradient norm of ${names}`}
      />
      <figcaption class="hint">Loss: thin, of each step; bold, its moving mean.</figcaption>
    </figure>
  );
}

/** The page has its own title, and on a phone no room to spare; HTML in a tooltip would need inline styles. */
function fitted({ title: _, ...option }: EChartsOption, width: number): EChartsOption {
  const isNarrow = width < 600;
  const grids = [option.grid ?? []].flat();
  return {
    ...option,
    tooltip: { trigger: "axis", renderMode: "richText" },
    legend: { ...option.legend, top: 8, left: 8 },
    grid: grids.map((grid) => ({
      ...grid,
      top: Number(grid.top) - 72,
      ...(isNarrow ? { left: 64, right: 12 } : {}),
    })),
  };
}

function loadEcharts(): Promise<void> {
  if (window.echarts) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = "echarts.js";
    script.onload = () => resolve();
    script.onerror = () =>
      reject(new Error("echarts is not installed, so curves can't be drawn: npm install echarts"));
    document.head.append(script);
  });
}

/** Now and again, while the page can be seen. */
function useRefresh(refresh: () => void): void {
  // Once: what `refresh` reads are signals, which stay the same.
  useEffect(() => {
    refresh();
    const timer = setInterval(() => {
      if (!document.hidden) refresh();
    }, refreshMs);
    return () => clearInterval(timer);
  }, []);
}
