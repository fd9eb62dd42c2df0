/** The address of a view: `#/ask?snapshot=s1&to=…`. Everything that a colleague should see too is in it. */
import { useEffect, useState } from "preact/hooks";

export interface Route {
  readonly view: string;
  readonly params: Readonly<Record<string, string>>;
}

export function parseRoute(hash: string): Route {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  return { view: path || "ask", params: Object.fromEntries(new URLSearchParams(query)) };
}

export function routeText({ view, params }: Route): string {
  const query = new URLSearchParams(Object.entries(params).filter(([, value]) => value !== "")).toString();
  return `#/${view}${query ? `?${query}` : ""}`;
}

/** Goes to a view. `replace` changes the address without a step in the history: for what is only looked at. */
export function go(route: Route, replace = false): void {
  const text = routeText(route);
  if (text === location.hash) return;
  if (replace) {
    history.replaceState(null, "", text);
    dispatchEvent(new HashChangeEvent("hashchange"));
  } else location.hash = text;
}

export function useRoute(): Route {
  const [route, set] = useState(() => parseRoute(location.hash));
  useEffect(() => {
    const changed = () => set(parseRoute(location.hash));
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return route;
}
