import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { test } from "tap";

type Graph = Map<string, Set<string>>;

/** The files below a folder whose path matches, from the project's root. */
function filesBelow(folder: string, pattern: RegExp): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((name) => pattern.test(name));
}

function add(graph: Graph, from: string, to: string): void {
  if (!graph.has(from)) graph.set(from, new Set());
  if (from !== to) graph.get(from)?.add(to);
}

/** A way that leads back to where it began, or undefined. */
function circleIn(graph: Graph): string[] | undefined {
  const done = new Set<string>();
  const follow = (place: string, way: string[]): string[] | undefined => {
    if (way.includes(place)) return [...way.slice(way.indexOf(place)), place];
    if (done.has(place)) return undefined;
    for (const next of graph.get(place) ?? []) {
      const circle = follow(next, [...way, place]);
      if (circle) return circle;
    }
    done.add(place);
    return undefined;
  };
  for (const place of graph.keys()) {
    const circle = follow(place, []);
    if (circle) return circle;
  }
  return undefined;
}

test("no file of TypeScript imports itself by way of others, for types neither", (t) => {
  const graph: Graph = new Map();
  for (const file of filesBelow("ts", /\.tsx?$/)) {
    for (const [, path = ""] of readFileSync(file, "utf8").matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g))
      add(graph, file, normalize(join(dirname(file), path)).replace(/\.js$/, ".ts"));
  }
  t.ok(graph.size > 100, `${graph.size} files that import`);
  t.equal(circleIn(graph), undefined);
  t.end();
});

test("no folder of the native half includes itself by way of others", (t) => {
  const graph: Graph = new Map();
  for (const file of filesBelow("native", /\.(cc|h|cu)$/)) {
    const [, room = "", ...rest] = file.split("/");
    if (room === "third_party" || rest.length === 0) continue;
    for (const [, other = ""] of readFileSync(file, "utf8").matchAll(/#include "([a-z]+)\//g))
      add(graph, room, other);
  }
  t.ok(graph.size > 8, [...graph.keys()].join(" "));
  t.equal(circleIn(graph), undefined);
  t.end();
});

test("a circle is seen", (t) => {
  const graph: Graph = new Map();
  for (const [from, to] of ["ab", "bc", "ca", "cd"].map((way) => way.split("") as [string, string]))
    add(graph, from, to);
  t.same(circleIn(graph), ["a", "b", "c", "a"]);
  t.end();
});
