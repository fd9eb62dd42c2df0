/** Things that are fetched: the state of a request, and how waiting and failing look. */
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ApiError, api } from "../api/client.js";

export interface Loaded<T> {
  readonly value: T | null;
  readonly error: ApiError | null;
  readonly busy: boolean;
}

/**
 * Fetches `path`, again whenever it changes; null fetches nothing. What was fetched before stays with `keep` until the new is there,
 * so that a view that is filtered does not flicker; without, it belongs to another thing and goes at once.
 * `again` counts up to fetch once more.
 */
export function useGet<T>(path: string | null, { again = 0, keep = false } = {}): Loaded<T> {
  const [state, set] = useState<Loaded<T> & { path: string | null }>({ path, value: null, error: null, busy: path !== null });
  useEffect(() => {
    if (path === null) return set({ path, value: null, error: null, busy: false });
    const stop = new AbortController();
    set((old) => ({ path, value: keep || old.path === path ? old.value : null, error: null, busy: true }));
    api.get<T>(path, stop.signal).then(
      (value) => set({ path, value, error: null, busy: false }),
      (error) => stop.signal.aborted || set({ path, value: null, error: asError(error), busy: false }),
    );
    return () => stop.abort();
  }, [path, again]);
  return keep || state.path === path ? state : { value: null, error: null, busy: path !== null };
}

export const asError = (e: unknown): ApiError => (e instanceof ApiError ? e : new ApiError(0, "PAGE", String(e), ""));

export function Fault({ error, children }: { error: ApiError; children?: ComponentChildren }) {
  return (
    <div class="fault" role="alert">
      <strong>{error.message}</strong>
      {error.hint && <p>{error.hint}</p>}
      {children}
    </div>
  );
}

/** Waits without shifting the page: said to screen readers, shown after a moment. */
export function Busy({ what }: { what: string }) {
  return (
    <p class="busy" role="status">
      {what}
    </p>
  );
}
