/** Questions that are asked by POST and change nothing: fetched like a GET, again whenever the body changes. */
import { useEffect, useState } from "preact/hooks";
import { api } from "../api/client.js";
import { asError, type Loaded } from "./loading.js";

/** @param path null asks nothing */
export function usePost<T>(path: string | null, body: unknown): Loaded<T> {
  const text = path === null ? null : JSON.stringify(body);
  const [state, set] = useState<Loaded<T>>({ value: null, error: null, busy: false });
  useEffect(() => {
    if (path === null) return set({ value: null, error: null, busy: false });
    const stop = new AbortController();
    set((old) => ({ value: old.value, error: null, busy: true }));
    api.post<T>(path, body, stop.signal).then(
      (value) => set({ value, error: null, busy: false }),
      (error) => stop.signal.aborted || set({ value: null, error: asError(error), busy: false }),
    );
    return () => stop.abort();
  }, [path, text]);
  return state;
}
